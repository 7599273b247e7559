package main

import "context"

type streamResult struct{}

func (e *evaluation) stream(ctx context.Context, seed int) error { return nil }
