package main

import (
	"testing"

	"github.com/tinydancer/tinydancer/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
