// SPDX-License-Identifier: MIT

// Package ownrow is a suite that has never heard of testenv.
package ownrow

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func sql(t *testing.T, text string) string {
	out, err := exec.Command("psql", "-qAtX", "-v", "ON_ERROR_STOP=1",
		os.Getenv("DATABASE_URL"), "-c", text).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", text, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestOwnRow(t *testing.T) {
	me := fmt.Sprintf("process %d", os.Getpid())
	sql(t, "insert into seen values (1, '"+me+"')")
	if got := sql(t, "select who from seen"); got != me {
		t.Fatalf("%s saw %q", me, got)
	}
}
