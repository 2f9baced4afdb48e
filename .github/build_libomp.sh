#!/usr/bin/env bash
# Build LLVM's OpenMP runtime for macOS wheels, where the compiler has none: at the wheel's own
# deployment target (Homebrew's needs the runner's), for one architecture, without its debugging
# and offloading parts. Usage: build_libomp.sh PREFIX. delocate then copies it into the wheel.
set -euo pipefail

prefix=$1
version=19.1.1
: "${MACOSX_DEPLOYMENT_TARGET:?set it to the oldest macOS that the wheel supports}"

sources=$(mktemp -d)
git clone --quiet --depth 1 --branch "llvmorg-$version" --filter=blob:none --sparse \
    https://github.com/llvm/llvm-project "$sources"
git -C "$sources" sparse-checkout set cmake openmp
cmake -S "$sources/openmp" -B "$sources/build" \
    -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_OSX_DEPLOYMENT_TARGET="$MACOSX_DEPLOYMENT_TARGET" \
    -DLIBOMP_INSTALL_ALIASES=OFF \
    -DLIBOMP_OMPD_SUPPORT=OFF \
    -DOPENMP_ENABLE_LIBOMPTARGET=OFF
cmake --build "$sources/build" --target install --parallel
rm -rf "$sources"
