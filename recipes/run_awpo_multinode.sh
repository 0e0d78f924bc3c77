#!/usr/bin/env bash
# Any recipe on several nodes: starts a Ray cluster over them, waits until all GPUs have joined, and trains.
#
# Run it on every node, with the same settings and the node's number:
#
#   HEAD=10.0.0.1 NODES=8 NODE_RANK=0 bash recipes/run_awpo_multinode.sh       # here verl runs
#   HEAD=10.0.0.1 NODES=8 NODE_RANK=1 bash recipes/run_awpo_multinode.sh       # and so on; they end when it ends
#
# Under Slurm, one task a node, it finds HEAD, NODES and NODE_RANK itself:
#
#   sbatch --nodes 8 --ntasks-per-node 1 --gpus-per-node 8 --exclusive --wrap 'srun bash recipes/run_awpo_multinode.sh'
#
# The package is installed, and MODEL, TRAIN_FILE, VAL_FILE and OUT are at the same path, on every node. Nodes prove that they
# belong together by Ray's token: RAY_AUTH_TOKEN, the same everywhere, or else ~/.ray/auth_token, if they share the home.
# What workers must know (HF_HOME, WANDB_API_KEY, a judge's key) is exported on every node: verl runs on any of them.
# Hardware: NODES nodes of 8 GPUs with 80 GB.
set -euo pipefail

# ------------------------------------------------- settings: the recipe's own (MODEL, OUT, ...), and these
RECIPE=${RECIPE:-$(dirname "$0")/run_awpo_qwen4b.sh}
export NODES=${NODES:-${SLURM_NNODES:-2}}
export GPUS=${GPUS:-8}                             # of a node
export PROMPTS=${PROMPTS:-$((128 * NODES))}        # prompts a step: the same work for each GPU
export UPDATE_PROMPTS=${UPDATE_PROMPTS:-$((PROMPTS / 4))}
NODE_RANK=${NODE_RANK:-${SLURM_NODEID:-0}}         # 0 is the node where verl runs
HEAD=${HEAD:-}                                     # its address
RAY_PORT=${RAY_PORT:-6379}
JOIN_TIMEOUT=${JOIN_TIMEOUT:-900}                  # seconds to wait for all nodes
# ---------------------------------------------------------------------------------------------------------

for argument in "$@"; do
  [[ $argument != --dry-run ]] || exec bash "$RECIPE" "$@"    # nothing is started
done
if [[ -z $HEAD && -n ${SLURM_JOB_NODELIST:-} ]]; then
  HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
fi
[[ -n $HEAD ]] || { echo "HEAD is not set: the address of the node with NODE_RANK=0, as the others reach it." >&2; exit 2; }
export RAY_ADDRESS="$HEAD:$RAY_PORT"
export RAY_AUTH_MODE=${RAY_AUTH_MODE:-token}       # without it, anyone who reaches the port can run code
python -m awpo_verl.workbench.preflight.cluster --help > /dev/null    # the package is here, before anything starts

if [[ $NODE_RANK == 0 ]]; then
  [[ -n ${RAY_AUTH_TOKEN:-} ]] || ray get-auth-token --generate > /dev/null || true    # Ray before 2.52 has none
  ray start --head --node-ip-address="$HEAD" --port="$RAY_PORT" --num-gpus="$GPUS" --block &
else
  python -m awpo_verl.workbench.preflight.cluster --address "$RAY_ADDRESS" --gpus 0 --timeout "$JOIN_TIMEOUT"    # the head is there
  ray start --address="$RAY_ADDRESS" --num-gpus="$GPUS" --block &
  ray_worker=$!
  trap 'kill "$ray_worker" 2> /dev/null || true; wait "$ray_worker" || true' EXIT
  code=0
  wait "$ray_worker" || code=$?
  # Ray ends here with an error also where the head has ended as it should: how the run went is the head's to say
  python -m awpo_verl.workbench.preflight.cluster --address "$RAY_ADDRESS" --gpus 0 --timeout 0 2> /dev/null || exit 0
  echo "Ray has ended on node $NODE_RANK (exit code $code), while the head still runs." >&2
  exit $((code ? code : 1))
fi
ray_head=$!
trap 'kill "$ray_head" 2> /dev/null || true; wait "$ray_head" || true' EXIT
python -m awpo_verl.workbench.preflight.cluster --address "$RAY_ADDRESS" --gpus $((NODES * GPUS)) --timeout "$JOIN_TIMEOUT" &
joined=$!
code=0
wait -n "$ray_head" "$joined" || code=$?
if ! kill -0 "$ray_head" 2> /dev/null; then
  kill "$joined" 2> /dev/null || true
  echo "Ray's head has ended before all nodes had joined (exit code $code; is port $RAY_PORT taken?)." >&2
  exit $((code ? code : 1))
fi
[[ $code == 0 ]] || exit "$code"
bash "$RECIPE" "$@"
