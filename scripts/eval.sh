#!/usr/bin/env bash
# Learns from recorded outcomes and says what that brings on rows that were not
# learnt from, for the sets that lie beside the checkout, or else for the
# project's example. Predictions and pages are left in build/eval.
set -euo pipefail
cd "$(dirname "$0")/.."
data=../shared/data
out=build/eval
mkdir -p "$out"

evaluate() { # name, file, further arguments
	local name=$1 file=$2
	shift 2
	build/tinydancer eval --outcomes "$file" --predictions "$out/$name.jsonl" --report "$out/$name.html" "$@"
	echo
}

twelve=claude-3-5-sonnet-20240620,claude-3-haiku-20240307,claude-3-opus-20240229,gemini-1.5-flash-preview-0514
twelve=$twelve,gemini-1.5-pro-preview-0409,gpt-4o-mini-2024-07-18,gpt-4o-mini-2024-07-18-FC,gpt-4o-2024-08-06-FC
twelve=$twelve,gpt-4-0125-preview,mistral-medium-2312,yi-large-fc,gpt-3.5-turbo-0125-FC

if [ -d "$data" ]; then
	evaluate llmrouter9 "$data/llmrouter9/outcomes.jsonl" --held-out --stream
	evaluate bfcl "$data/bfcl/outcomes.jsonl" --stream
	evaluate bfcl-12 "$data/bfcl/outcomes.jsonl" --models "$twelve" --held-out
	evaluate routellm-mmlu "$data/routellm-mmlu/outcomes.jsonl"
else
	evaluate support examples/outcomes/support.jsonl --held-out --stream
fi
echo "pages: $out/*.html"
