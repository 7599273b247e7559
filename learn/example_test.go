package learn_test

import (
	"fmt"

	"github.com/tinydancer/tinydancer/learn"
)

// What is known of one agent, told one outcome at a time: the first feature is
// 1, the second how long the request was.
func ExampleRidge() {
	agent, err := learn.NewRidge([]float64{0.5, 0}, 1, 1)
	if err != nil {
		panic(err)
	}
	for range 20 {
		for _, outcome := range []struct{ length, quality float64 }{{0, 0.9}, {1, 0.3}} {
			// Tried with probability 1/2, so each counts twice.
			if err := agent.Update([]float64{1, outcome.length}, outcome.quality, 1/0.5); err != nil {
				panic(err)
			}
		}
	}
	for _, length := range []float64{0, 0.5, 1, 3} {
		x := []float64{1, length}
		fmt.Printf("length %.1f: %.2f ± %.2f\n", length, agent.Mean(x), 0.4*agent.Width(x))
	}
	// Output:
	// length 0.0: 0.88 ± 0.06
	// length 0.5: 0.60 ± 0.04
	// length 1.0: 0.31 ± 0.06
	// length 3.0: -0.81 ± 0.22
}

// Probabilities with which each of three agents is to be tried: they are the
// propensities to be logged.
func ExampleSquareCB() {
	p := make([]float64, 3)
	for _, greed := range []float64{0, 10, 1000} {
		if err := learn.SquareCB(p, []float64{0.6, 0.8, 0.5}, greed, 0.02); err != nil {
			panic(err)
		}
		fmt.Printf("greed %.0f: %.3f\n", greed, p)
	}
	// Output:
	// greed 0: [0.333 0.333 0.333]
	// greed 10: [0.203 0.627 0.170]
	// greed 1000: [0.011 0.979 0.010]
}

// Would always taking agent 1 be better than what was done? The log was made
// by a fair coin.
func ExampleEvaluate() {
	var log []learn.Logged
	for i := range 400 {
		agent, reward := i%2, 0.0
		if agent == 1 && i%5 != 0 || agent == 0 && i%3 == 0 {
			reward = 1
		}
		log = append(log, learn.Logged{
			Propensity: 0.5, Policy: []float64{0, 1}, Expected: []float64{0.5, 0.5},
			Action: agent, Reward: reward,
		})
	}
	e, err := learn.Evaluate(log, learn.EvaluateOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.3f ± %.3f, as good as %.0f rows of its own; mean weight %.2f\n",
		e.DR, 1.96*e.StandardError, e.EffectiveRows, e.MeanWeight)
	// Output:
	// 0.800 ± 0.063, as good as 200 rows of its own; mean weight 1.00
}

// Scores become probabilities.
func ExampleFitPlatt() {
	scores := []float64{-2, -1, -1, 0, 0, 1, 1, 2}
	outcomes := []float64{0, 0, 1, 0, 1, 1, 0, 1}
	platt, err := learn.FitPlatt(scores, outcomes)
	if err != nil {
		panic(err)
	}
	isotonic, err := learn.FitIsotonic(scores, outcomes)
	if err != nil {
		panic(err)
	}
	for _, s := range []float64{-2, 0, 2} {
		fmt.Printf("%+.0f: %.2f along a curve, %.2f by steps\n", s, platt.At(s), isotonic.At(s))
	}
	// Output:
	// -2: 0.28 along a curve, 0.00 by steps
	// +0: 0.50 along a curve, 0.50 by steps
	// +2: 0.72 along a curve, 1.00 by steps
}

// An agent that used to succeed nine times in ten begins to fail.
func ExamplePageHinkley() {
	alarm := learn.PageHinkley{Delta: 0.05, Threshold: 5}
	for i := range 200 {
		outcome := 1.0
		if i%10 == 0 || i >= 100 && i%2 == 0 {
			outcome = 0
		}
		if alarm.Tell(outcome) {
			fmt.Println("alarm", i-100, "outcomes after the change")
			break
		}
	}
	// Output:
	// alarm 14 outcomes after the change
}

// What tenants know adds up without their rows.
func ExampleSums() {
	all := learn.NewSums(2)
	for tenant := range 3 {
		own := learn.NewSums(2)
		for i := range 10 {
			x := float64(tenant*10 + i)
			if err := own.Tell([]float64{1, x}, 2+0.5*x, 1); err != nil {
				panic(err)
			}
		}
		if err := all.Add(own); err != nil {
			panic(err)
		}
	}
	theta, err := all.Solve(1e-9)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.3f from %.0f rows\n", theta, all.Weight())
	// Output:
	// [2.000 0.500] from 30 rows
}
