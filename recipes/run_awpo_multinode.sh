#!/usr/bin/env bash
# Run any recipe on several nodes: start a Ray cluster, wait until all GPUs have joined, and train.
#
# Start it on every node, with the same settings and the node's rank:
#
#   HEAD=10.0.0.1 NODES=8 NODE_RANK=0 bash recipes/run_awpo_multinode.sh       # verl runs on this node
#   HEAD=10.0.0.1 NODES=8 NODE_RANK=1 bash recipes/run_awpo_multinode.sh       # and so on; they stop after rank 0
#
# Under Slurm, with one task on each node, it finds HEAD, NODES and NODE_RANK itself:
#
#   sbatch --nodes 8 --ntasks-per-node 1 --gpus-per-node 8 --exclusive --wrap 'srun bash recipes/run_awpo_multinode.sh'
#
# Every node needs the package, and MODEL, TRAIN_FILE, VAL_FILE and OUT at the same path. Nodes authenticate with Ray's
# token: set the same RAY_AUTH_TOKEN everywhere, or share ~/.ray/auth_token in a common home. Export what workers need
# (HF_HOME, WANDB_API_KEY, the judge's key) on every node, because verl's workers run on any of them.
# Hardware: NODES nodes of 8 GPUs with 80 GB.
set -euo pipefail

# ------------------------------------------------- settings: the recipe's own (MODEL, OUT, ...), and these
RECIPE=${RECIPE:-$(dirname "$0")/run_awpo_qwen4b.sh}
export NODES=${NODES:-${SLURM_NNODES:-2}}
export GPUS=${GPUS:-8}                             # of a node
export PROMPTS=${PROMPTS:-$((128 * NODES))}        # prompts of a step: the same work for each GPU
export UPDATE_PROMPTS=${UPDATE_PROMPTS:-$((PROMPTS / 4))}
NODE_RANK=${NODE_RANK:-${SLURM_NODEID:-0}}         # verl runs on rank 0
HEAD=${HEAD:-}                                     # the address of rank 0
RAY_PORT=${RAY_PORT:-6379}
JOIN_TIMEOUT=${JOIN_TIMEOUT:-900}                  # seconds until all nodes must have joined
# ---------------------------------------------------------------------------------------------------------

for argument in "$@"; do
  [[ $argument != --dry-run ]] || exec bash "$RECIPE" "$@"    # nothing is started
done
if [[ -z $HEAD && -n ${SLURM_JOB_NODELIST:-} ]]; then
  HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
fi
[[ -n $HEAD ]] ||
  { echo "HEAD is not set; use the address at which other nodes reach the one with NODE_RANK=0." >&2; exit 2; }
export RAY_ADDRESS="$HEAD:$RAY_PORT"
export RAY_AUTH_MODE=${RAY_AUTH_MODE:-token}       # without it, anyone who can reach the port can run code
python -m awpo_verl.workbench.preflight.cluster --help > /dev/null    # fail early where the package is missing

if [[ $NODE_RANK == 0 ]]; then
  [[ -n ${RAY_AUTH_TOKEN:-} ]] || ray get-auth-token --generate > /dev/null || true    # Ray before 2.52 has no token
  ray start --head --node-ip-address="$HEAD" --port="$RAY_PORT" --num-gpus="$GPUS" --block &
else
  # wait for the head
  python -m awpo_verl.workbench.preflight.cluster --address "$RAY_ADDRESS" --gpus 0 --timeout "$JOIN_TIMEOUT"
  ray start --address="$RAY_ADDRESS" --num-gpus="$GPUS" --block &
  ray_worker=$!
  trap 'kill "$ray_worker" 2> /dev/null || true; wait "$ray_worker" || true' EXIT
  code=0
  wait "$ray_worker" || code=$?
  # Ray stops here with an error even where the head has stopped normally, so only the head reports the result
  python -m awpo_verl.workbench.preflight.cluster --address "$RAY_ADDRESS" --gpus 0 --timeout 0 2> /dev/null || exit 0
  echo "Ray has stopped on node $NODE_RANK (exit code $code), but the head is still running." >&2
  exit $((code ? code : 1))
fi
ray_head=$!
trap 'kill "$ray_head" 2> /dev/null || true; wait "$ray_head" || true' EXIT
python -m awpo_verl.workbench.preflight.cluster \
  --address "$RAY_ADDRESS" --gpus $((NODES * GPUS)) --timeout "$JOIN_TIMEOUT" &
joined=$!
code=0
wait -n "$ray_head" "$joined" || code=$?
if ! kill -0 "$ray_head" 2> /dev/null; then
  kill "$joined" 2> /dev/null || true
  echo "Ray's head has stopped before all nodes joined (exit code $code). Is port $RAY_PORT in use?" >&2
  exit $((code ? code : 1))
fi
[[ $code == 0 ]] || exit "$code"
bash "$RECIPE" "$@"
