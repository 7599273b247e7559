/*
 * Settings: tinydancer.*, each with a range and a description. Those that Go
 * needs cross as one array of doubles, in the order of "numbers".
 */
#include "tinydancer.h"

#include "utils/guc.h"

uint64		td_settings_generation = 1;
int			td_publish_interval_ms = 1000;

static struct
{
	double		weight_quality;
	double		weight_cost;
	double		weight_latency;
	double		weight_similarity;
	double		reference_cost;
	double		reference_latency_ms;
	double		prior_weight;
	double		expected_tokens;
	double		exploration_floor;
	double		exploration_scale;
	double		optimism;
	double		challenger_share;
	double		max_alternatives;
}			numbers;

static int	max_alternatives = 3;
static int	retention = 90 * 24 * 60;
int			td_session_timeout_s = 24 * 3600;

static void
changed_real(double value pg_attribute_unused(), void *extra pg_attribute_unused())
{
	td_settings_generation++;
}

static void
changed_int(int value pg_attribute_unused(), void *extra pg_attribute_unused())
{
	td_settings_generation++;
}

/*
 * What decides how agents are drawn is no session's own affair: the log is
 * everybody's, and one of propensities near 0 is worth nothing, to nobody.
 */
static void
define_draw(const char *name, const char *brief, const char *full, double *variable,
			double initial, double lowest, double highest)
{
	DefineCustomRealVariable(name, brief, full, variable, initial, lowest, highest,
							 PGC_SUSET, 0, NULL, changed_real, NULL);
}

static void
define_real(const char *name, const char *brief, const char *full, double *variable,
			double initial, double lowest, double highest)
{
	DefineCustomRealVariable(name, brief, full, variable, initial, lowest, highest,
							 PGC_USERSET, 0, NULL, changed_real, NULL);
}

void
td_define_settings(void)
{
	define_real("tinydancer.weight_quality",
				"Weight of expected quality in the balanced score.",
				"The four weights are divided by their sum; one of them must be above 0.",
				&numbers.weight_quality, 0.4, 0, 1e6);
	define_real("tinydancer.weight_cost",
				"Weight of the cost utility in the balanced score.", NULL,
				&numbers.weight_cost, 0.2, 0, 1e6);
	define_real("tinydancer.weight_latency",
				"Weight of the latency utility in the balanced score.", NULL,
				&numbers.weight_latency, 0.2, 0, 1e6);
	define_real("tinydancer.weight_similarity",
				"Weight of the similarity of request and agent in the balanced score.", NULL,
				&numbers.weight_similarity, 0.2, 0, 1e6);
	define_real("tinydancer.reference_cost",
				"Price of a request, in USD, whose utility is 1/2.",
				"The utility of a cost c is reference/(reference + c).",
				&numbers.reference_cost, 0.01, 1e-9, 1e6);
	define_real("tinydancer.reference_latency_ms",
				"Latency, in milliseconds, whose utility is 1/2.",
				"The utility of a latency l is reference/(reference + l).",
				&numbers.reference_latency_ms, 1000, 1e-3, 1e9);
	define_real("tinydancer.prior_weight",
				"How many observations a declared quality or latency is worth.", NULL,
				&numbers.prior_weight, 10, 1e-3, 1e9);
	define_real("tinydancer.expected_tokens",
				"Tokens of a request that does not say how long it is.",
				"Counts for agents that charge by the token.",
				&numbers.expected_tokens, 1000, 1, 1e9);
	/* A log of propensities near 0 is worth nothing, to nobody. */
	define_draw("tinydancer.exploration_floor",
				"Share of the decisions of ruvector_decide in which any eligible agent is tried alike.",
				"The others try each agent as often as it is likely to be the best.",
				&numbers.exploration_floor, 0.02, 1e-3, 1);
	define_draw("tinydancer.exploration_scale",
				"Share of the doubt about agents under which ruvector_decide tries them.",
				"At 1 it is all of it; near 0 the agent that looks best is drawn, but for the floor.",
				&numbers.exploration_scale, 0.35, 1e-12, 1);
	define_draw("tinydancer.optimism",
				"How much better than expected ruvector_decide takes an agent to be of which nothing was observed.",
				"As a share of the way to quality 1; it fades with outcomes.",
				&numbers.optimism, 0.15, 1e-12, 1);
	define_draw("tinydancer.challenger_share",
				"Share of the decisions of ruvector_decide that are left to the model that challenges.",
				"0 leaves it none.",
				&numbers.challenger_share, 0.1, 0, 0.5);
	DefineCustomIntVariable("tinydancer.retention",
							"How long decisions and what was told of them are kept.",
							"ruvector_apply_retention drops whole weeks that are older.",
							&retention, 90 * 24 * 60, 24 * 60, 100 * 365 * 24 * 60, PGC_USERSET, GUC_UNIT_MIN,
							NULL, NULL, NULL);
	DefineCustomIntVariable("tinydancer.session_timeout",
							"How long after its last turn a session goes on.",
							"A later decision with the same session begins it anew.",
							&td_session_timeout_s, 24 * 3600, 1, 365 * 24 * 3600, PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("tinydancer.max_alternatives",
							"How many runners-up a decision names.",
							"-1 names all.",
							&max_alternatives, 3, -1, 1000000, PGC_USERSET, 0, NULL, changed_int, NULL);
	DefineCustomIntVariable("tinydancer.publish_interval",
							"How often a session publishes observations to the estimates that route reads.",
							"A session that makes few observations publishes each at its commit; one that makes many, "
							"once in this time.",
							&td_publish_interval_ms, 1000, 0, 3600 * 1000, PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("tinydancer");
#else
	EmitWarningsOnPlaceholders("tinydancer");
#endif
}

bool
td_challenger_has_a_share(void)
{
	return numbers.challenger_share > 0;
}

td_span
td_settings_span(void)
{
	numbers.max_alternatives = max_alternatives;
	return (td_span) {&numbers, sizeof(numbers)};
}
