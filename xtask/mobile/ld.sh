#!/usr/bin/env bash
# A linker for Android where there is no NDK: rustc's own lld, without the phone's libraries. What the library needs of
# them stays open, as it does in every shared library; so does the code that unwinds, which the NDK would bring.
args=()
for arg in "$@"; do
  case "$arg" in
    -Wl,*)
      IFS=, read -ra parts <<<"${arg#-Wl,}"
      args+=("${parts[@]}")
      ;;
    --target=* | -march=* | -m32 | -m64 | -nodefaultlibs | -lc | -lm | -ldl | -llog | -lgcc | -lunwind) ;;
    *) args+=("$arg") ;;
  esac
done
found=("$(rustc --print sysroot)"/lib/rustlib/*/bin/rust-lld)
exec "${found[0]}" -flavor gnu "${args[@]}"
