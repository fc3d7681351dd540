module localhost/raymesh/images/pause

go 1.26
