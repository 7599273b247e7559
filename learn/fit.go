package learn

// MaxRemembered is how many requests a model remembers: the latest.
const MaxRemembered = 10_000

// Options holds the options of Fit. The zero value is the default.
type Options struct {
	// Seed of all random choices. The same data, options and seed give the same
	// model to the bit, on any machine and any number of CPUs.
	Seed uint64

	// Trees is how many trees each bag of a forest has. It defaults to 150.
	Trees int
}

func (o Options) trees() treeOptions {
	t := defaultTrees
	if o.Trees > 0 {
		t.trees = o.Trees
	}
	return t
}
