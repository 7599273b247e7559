// Command tinydancer is the command line of Tiny Dancer. Each verb is in a
// file of its own, command_<verb>.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Demo demoCommand `cmd:"" help:"Route recorded requests in a private PostgreSQL cluster, and show what came of it."`
	Eval evalCommand `cmd:"" help:"Learn from recorded outcomes, and say what that brings on rows that were not learnt from."`

	Learn learnCommand `cmd:"" help:"Have a database learn from its log of decisions, and say what came of it."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	k := kong.Parse(&c,
		kong.Name("tinydancer"),
		kong.Description("Routes AI requests to agents by cost, latency, quality and capability."),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	k.FatalIfErrorf(k.Run())
}
