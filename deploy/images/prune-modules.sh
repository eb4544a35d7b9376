#!/bin/sh
# Takes away what node_modules in /app holds for other systems, for compilers and for readers.
set -eu
cd /app
arch=$(node -p process.arch)
find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -not -path "*/linux/$arch" -exec rm -r {} +
find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -not -name linux -exec rm -r {} +
find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) -not -iname '*licen*' -not -iname 'notice*' -delete
