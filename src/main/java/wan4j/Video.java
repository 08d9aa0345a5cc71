package wan4j;

import wan4j.tensor.Tensor;

/// A finished video: unsigned bytes `[frames, height, width, 3]` in host memory, and its frames a
/// second.
public record Video(Tensor frames, int framesPerSecond) {}
