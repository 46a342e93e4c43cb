package httpsource_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/troupe-go/troupe/actors/pipeline/httpsource"
)

// The source is mounted as a handler, and is the source of a pipeline, which pulls as is done here.
func ExampleNew() {
	type order struct {
		Item string `json:"item"`
	}

	source := httpsource.New(httpsource.Options[order]{
		Decode: func(_ *http.Request, body []byte) (o order, err error) {
			err = json.Unmarshal(body, &o)

			return o, err
		},
	})

	mux := http.NewServeMux()
	mux.Handle("POST /orders", source)

	server := httptest.NewServer(mux)
	defer server.Close()

	ctx := context.Background()
	if err := source.Open(ctx); err != nil {
		fmt.Println(err)
	}

	pulled := make(chan order)

	go func() {
		items := make([]order, 8)
		_, _ = source.Pull(ctx, items)

		pulled <- items[0]
	}()

	for _, body := range []string{`{"item":`, `{"item":"tea"}`} {
		answer, err := http.Post(server.URL+"/orders", "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)

			return
		}

		answer.Body.Close()
		fmt.Println(answer.Status)
	}

	fmt.Println(<-pulled, source.Close(ctx))
	// Output:
	// 400 Bad Request
	// 202 Accepted
	// {tea} <nil>
}
