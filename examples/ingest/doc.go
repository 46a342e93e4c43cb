// Ingest
package main
