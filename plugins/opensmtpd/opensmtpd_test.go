package main

import (
	"testing"

	"github.com/mmgw/mmgw/plugins/internal/writertest"
)

func TestFiles(t *testing.T) { writertest.Native(t, render) }
