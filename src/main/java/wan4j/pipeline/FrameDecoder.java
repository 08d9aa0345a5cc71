package wan4j.pipeline;

import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// Decodes latents to frames in host memory.
public final class FrameDecoder {
  private FrameDecoder() {}

  /// Returns the frames of latents, float32 `[channels, frames, height, width]` in host memory, as
  /// unsigned bytes `[frames, height, width, 3]`, clamped and truncated as the reference saves
  /// them.
  public static Tensor bytes(Ops ops, VideoAutoencoder vae, Tensor latents) {
    Tensor target = room(vae, latents);
    bytes(ops, vae, latents, target, Runnable::run);
    return target;
  }

  /// Returns host memory for the frames of latents as bytes.
  public static Tensor room(VideoAutoencoder vae, Tensor latents) {
    int frames = frames(latents);
    int height = latents.length(2) * vae.stride();
    int width = latents.length(3) * vae.stride();
    byte[] video = new byte[Math.multiplyExact(frames * 3, height * width)];
    return Tensor.of(video, frames, height, width, 3);
  }

  /// Decodes latents to such memory; `copying` runs each copy of some frames to the host, so that
  /// it can time them.
  public static void bytes(
      Ops ops, VideoAutoencoder vae, Tensor latents, Tensor target, Consumer<Runnable> copying) {
    decode(
        ops,
        vae,
        latents,
        (first, features) -> {
          Tensor pixels = ops.pixels(features);
          Tensor piece = target.slice(first, features.length(0));
          copying.accept(() -> copy(ops.download(pixels), piece));
        });
  }

  /// Returns the frames of latents as float32 `[3, frames, height, width]`, unclamped.
  public static Tensor floats(Ops ops, VideoAutoencoder vae, Tensor latents) {
    int frames = frames(latents);
    int height = latents.length(2) * vae.stride();
    int width = latents.length(3) * vae.stride();
    float[] video = new float[Math.multiplyExact(frames * 3, height * width)];
    decode(
        ops,
        vae,
        latents,
        (first, features) -> {
          float[] ones = {1, 1, 1};
          Tensor factor = ops.upload(Tensor.of(ones, 3), DType.F32);
          Tensor offset = ops.upload(Tensor.of(new float[3], 3), DType.F32);
          float[] piece = ops.download(ops.channelsFirst(features, factor, offset)).toFloats();
          int count = piece.length / 3;
          for (int channel = 0; channel < 3; channel++) {
            System.arraycopy(
                piece, channel * count, video, (channel * frames + first) * height * width, count);
          }
        });
    return Tensor.of(video, 3, frames, height, width);
  }

  private static void decode(
      Ops ops, VideoAutoencoder vae, Tensor latents, VideoAutoencoder.FrameSink sink) {
    try (var _ = ops.scope()) {
      vae.decode(ops.upload(latents, DType.F32), sink);
    }
  }

  private static void copy(Tensor source, Tensor target) {
    MemorySegment.copy(source.segment(), 0, target.segment(), 0, source.bytes());
  }

  private static int frames(Tensor latents) {
    return LatentGrid.videoFrames(latents.length(1));
  }
}
