"""A peer in a process of its own: sherpa-onnx with the files of Moonshine tiny that the product uses.

Reads one line of JSON with the settings, loads, prints {"ready": version}, then answers each {"path": wav, "detect": bool} with {"text": …}. "detect" cuts at silence by sherpa-onnx's own Silero detector.
"""
import json
import sys
import wave

import numpy as np
import sherpa_onnx

settings = json.loads(sys.stdin.readline())
recognizer = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
    encoder=settings["encoder"],
    decoder=settings["decoder"],
    tokens=settings["tokens"],
    num_threads=settings["threads"],
)


def samples(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768


def pieces(pcm, detect):
    if not detect:
        return [pcm]
    config = sherpa_onnx.VadModelConfig()
    config.silero_vad.model = settings["vad"]
    config.silero_vad.min_silence_duration = 0.25
    config.silero_vad.max_speech_duration = 12
    config.sample_rate = 16000
    detector = sherpa_onnx.VoiceActivityDetector(config, buffer_size_in_seconds=600)
    for at in range(0, len(pcm) - 511, 512):
        detector.accept_waveform(pcm[at : at + 512])
    detector.flush()
    found = []
    while not detector.empty():
        found.append(np.array(detector.front.samples))
        detector.pop()
    return found


def transcribe(path, detect):
    streams = []
    for piece in pieces(samples(path), detect):
        stream = recognizer.create_stream()
        stream.accept_waveform(16000, piece)
        streams.append(stream)
    for at in range(0, len(streams), settings["batch"]):
        recognizer.decode_streams(streams[at : at + settings["batch"]])
    return " ".join(stream.result.text.strip() for stream in streams)


print(json.dumps({"ready": sherpa_onnx.__version__}), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps({"text": transcribe(question["path"], question["detect"])}), flush=True)
