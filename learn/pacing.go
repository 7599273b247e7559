package learn

// Pacer keeps the mean cost of decisions near a budget by a price on cost: the
// choice maximises quality − Price·cost, and after each decision
//
//	Price ← max(0, Price + Step(cost − Budget))
//
// (Balseiro and Gur, "Learning in Repeated Auctions with Budgets", Management
// Science 65, 2019). The zero Price is a start. It is not safe for concurrent
// use.
type Pacer struct {
	Budget float64 // mean cost a decision, in the unit of cost
	Step   float64
	Price  float64 // of a unit of cost, in units of quality
}

// Choose returns the index of the largest qualities[a] − Price·costs[a], the
// first among equals; −1 if there is none.
func (p *Pacer) Choose(qualities, costs []float64) int {
	best, most := -1, 0.0
	for a, q := range qualities {
		if v := q - float64(p.Price*costs[a]); best < 0 || v > most {
			best, most = a, v
		}
	}
	return best
}

// Tell says what a decision cost. What is not a finite number is not counted.
func (p *Pacer) Tell(cost float64) {
	if finite(cost) {
		p.Price = max(0, p.Price+float64(p.Step*(cost-p.Budget)))
	}
}
