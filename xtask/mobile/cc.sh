#!/usr/bin/env bash
# A C compiler for phones where there is neither an NDK nor Xcode: `zig cc`, without the options that only their own compilers know.
# @ZIG@, @TARGET@ and @CACHE@ are filled in by `cargo xtask check-mobile`.
args=()
skip=
for arg in "$@"; do
  if [ -n "$skip" ]; then skip=; continue; fi
  case "$arg" in
    --target=* | -m*-version-min=*) ;;
    -target | --target | -isysroot | -arch) skip=1 ;;
    *) args+=("$arg") ;;
  esac
done
export ZIG_GLOBAL_CACHE_DIR='@CACHE@' ZIG_LOCAL_CACHE_DIR='@CACHE@'
exec '@ZIG@' cc -target '@TARGET@' "${args[@]}"
