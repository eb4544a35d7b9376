"""A peer in a process of its own: faster-whisper with a Whisper for CTranslate2.

Reads one line of JSON with the settings, loads, prints {"ready": version}, then answers each {"path": wav, "detect": bool} with {"text": …}.
"model" is a folder or a name, "device" cpu or cuda, "compute" CTranslate2's type (int8, float16), "beam" the width of its search. "batch" above 1 takes its batched pipeline for recordings; a clip is one window.
"""
import json
import sys

import faster_whisper

settings = json.loads(sys.stdin.readline())
model = faster_whisper.WhisperModel(
    settings["model"],
    device=settings["device"],
    compute_type=settings["compute"],
    cpu_threads=settings["threads"],
)
batched = faster_whisper.BatchedInferencePipeline(model) if settings["batch"] > 1 else None


def transcribe(path, detect):
    if batched is None or not detect:
        segments, _ = model.transcribe(path, beam_size=settings["beam"], language="en", vad_filter=detect)
    else:
        segments, _ = batched.transcribe(
            path, beam_size=settings["beam"], language="en", batch_size=settings["batch"]
        )
    return " ".join(segment.text.strip() for segment in segments)


print(json.dumps({"ready": faster_whisper.__version__}), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps({"text": transcribe(question["path"], question["detect"])}), flush=True)
