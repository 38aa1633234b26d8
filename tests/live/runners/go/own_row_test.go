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

func client(text string) *exec.Cmd {
	url := os.Getenv("DATABASE_URL")
	if strings.HasPrefix(url, "postgres") {
		return exec.Command("psql", "-qAtX", "-v", "ON_ERROR_STOP=1",
			url, "-c", text)
	}
	if strings.HasPrefix(url, "mysql") {
		return exec.Command("mariadb", "--protocol=tcp", "-NB",
			"-h", os.Getenv("MYSQL_HOST"),
			"-P", os.Getenv("MYSQL_TCP_PORT"),
			"-u", os.Getenv("MYSQL_USER"),
			os.Getenv("MYSQL_DATABASE"), "-e", text)
	}
	return exec.Command("sqlite3", "-bail",
		strings.TrimPrefix(url, "sqlite:///"), text)
}

func sql(t *testing.T, text string) string {
	out, err := client(text).CombinedOutput()
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
