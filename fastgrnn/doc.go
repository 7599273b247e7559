// Package fastgrnn is the gated recurrent cell that reads requests and
// sessions: FastGRNN, from Kusupati, Singh, Bhatia, Kumar, Jain and Varma,
// "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent
// Neural Network", NeurIPS 2018, eq. 6-7.
//
// For an input x of D numbers and a hidden state h of H numbers, one step is
//
//	pre = W x + U h
//	z   = gate(pre + bz)
//	c   = update(pre + bh)
//	h'  = z∘h + (σ(ζ)(1−z) + σ(ν))∘c        σ is the logistic function
//
// with W (H x D) and U (H x H) either full or of low rank, W = W1 W2ᵀ and
// U = U1 U2ᵀ. That is [Tied], the cell of the paper. [Untied] gives the gate
// and the update matrices of their own and keeps the last line:
//
//	z = gate(w_gate x + u_gate h + b_gate)
//	c = update(w_update x + u_update h + b_update)
//
// # Life of a model
//
//	               examples ──▶ Trainer ◀──▶ checkpoint (docs/format/checkpoint.md)
//	                             ▲   │
//	                             │   ▼
//	Config ──Initialise──▶ Params ──────Compile──────▶ Cell ──Step──▶ State
//	                       float64,  ──Quantise──▶     float32 or
//	                       trainable    Quantised ───▶ int8 weights,
//	                         │  ▲          │  ▲        immutable
//	                         ▼  │          ▼  │
//	                       weight file (docs/format/fastgrnn.md)
//
// [Params] is exact and slow, and gives the same bits on every machine. [Cell]
// answers requests: it allocates nothing in [Cell.Step], is safe for
// concurrent use, and agrees with Params to about 1e-6.
//
// # Training
//
// A [Model] is a [Trunk], which makes hidden states, and a [Linear] head, which
// makes scores of them. A [Trainer] fits both to [Example] values: sequences of
// inputs, and for some of their steps which class was right, or which agent was
// tried and how that went ([Loss]). [Params.Backward] has the equations.
// [Linear] is also a trunk, without a memory: what a cell has to beat.
//
// For a single input from the zero state U plays no part: h' depends on x
// alone, and the gradient of U is exactly zero. The recurrence pays over
// sessions, where h is kept from one turn to the next.
package fastgrnn
