// Package learn holds what decides on the strength of outcomes, each part with
// its formula and its source.
//
// What is learned from a log:
//
//	Data, Fit    requests with outcomes, and turns of sessions; to a Model and a Report
//	Model        what is expected of each agent at a request or turn, how sure, and whom to prefer
//	Report.Try   a trial by the log: whether the model is better than what serves
//
// What is learned between two models, and parts to learn with otherwise:
//
//	Ridge        what is known of one agent, told one outcome at a time, with forgetting
//	Online       the same as the fold keeps it: sums that outcomes can be taken out of, and alarms
//	Correction   what follows from it for a model's expectation of one agent at a request
//	Sums         the same from sums, which add up over tenants without their rows
//	SquareCB     how often to try which agent
//	Evaluate     what another policy would have brought, from a log of decisions
//	Platt        scores to probabilities, along a logistic curve
//	Isotonic     scores to probabilities, along any curve that rises
//	Conformal    how wrong a prediction may be, with a promised probability
//	PageHinkley, CUSUM, Adwin    alarms when outcomes change
//	Pacer        a budget kept by a price on cost
//
// Nothing here reads a clock, and random numbers follow from a seed.
package learn
