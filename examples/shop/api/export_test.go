package api

import "net/http"

// Fail is fail.
func Fail(w http.ResponseWriter, err error) { fail(w, err) }

// Routes is routes.
func (s *Server) Routes() http.Handler { return s.routes() }
