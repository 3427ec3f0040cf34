# To be sourced: lets processes run on the GPU at the same time instead of in turns, where NVIDIA's service for
# that is at hand and works; it ends with the machine.
export CUDA_MPS_PIPE_DIRECTORY=/tmp/mps CUDA_MPS_LOG_DIRECTORY=/tmp/mps
mkdir -p "$CUDA_MPS_PIPE_DIRECTORY"
pgrep -f "nvidia-cuda-mps-control -d" >/dev/null || nvidia-cuda-mps-control -d 2>&1
if timeout 25 "${PYTHON:-python3}" -c 'import torch; torch.zeros(9).cuda().sum().item()' 2>&1; then
    echo "the GPU is shared by MPS"
else
    echo "no MPS; the processes take turns"
    pkill -f nvidia-cuda-mps-control
    unset CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY
fi
