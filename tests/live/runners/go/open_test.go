// SPDX-License-Identifier: MIT

package ownrow

import (
	"os"
	"strings"
	"testing"
)

// As a driver in Go does it: by the kernel's own calls.
func TestOpen(t *testing.T) {
	url := os.Getenv("DATABASE_URL")
	f, err := os.OpenFile(strings.TrimPrefix(url, "sqlite:///"),
		os.O_RDWR|os.O_CREATE, 0600)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
