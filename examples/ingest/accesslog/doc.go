// Package accesslog reads lines of the access logs of Apache and nginx, in the common and the combined format:
//
//	192.0.2.7 - ann [10/Oct/2026:13:55:36 +0200] "GET /tea?cup=1 HTTP/1.1" 200 2326
//	192.0.2.7 - ann [10/Oct/2026:13:55:36 +0200] "GET /tea?cup=1 HTTP/1.1" 200 2326 "http://example.com/" "Mozilla/5.0"
//
// Start reading at [Format.Parse].
package accesslog
