package wan4j.pipeline;

import wan4j.media.FrameBuffer;
import wan4j.media.FrameSink;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Download;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// Decodes latents to frames in host memory.
public final class FrameDecoder {
  private FrameDecoder() {}

  /// Decodes latents, float32 `[channels, frames, height, width]` in host memory, to unsigned bytes
  /// `[frames, height, width, 3]`, clamped and truncated as the reference saves them. `sink` takes
  /// each piece while the next is decoded.
  public static void decode(Ops ops, VideoAutoencoder vae, Tensor latents, FrameSink sink) {
    Behind behind = new Behind(sink);
    decodeFeatures(
        ops, vae, latents, (_, features) -> behind.next(ops.beginDownload(ops.pixels(features))));
    behind.next(null);
  }

  /// Returns all of them.
  public static Tensor bytes(Ops ops, VideoAutoencoder vae, Tensor latents) {
    FrameBuffer frames = new FrameBuffer();
    decode(ops, vae, latents, frames);
    return frames.frames();
  }

  /// Returns the frames of latents as float32 `[3, frames, height, width]`, unclamped.
  public static Tensor floats(Ops ops, VideoAutoencoder vae, Tensor latents) {
    int frames = LatentGrid.videoFrames(latents.length(1));
    int height = latents.length(2) * vae.stride();
    int width = latents.length(3) * vae.stride();
    int plane = Math.multiplyExact(height, width);
    float[] video = new float[Math.multiplyExact(Math.multiplyExact(3, frames), plane)];
    decodeFeatures(
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
                piece, channel * count, video, (channel * frames + first) * plane, count);
          }
        });
    return Tensor.of(video, 3, frames, height, width);
  }

  private static void decodeFeatures(
      Ops ops, VideoAutoencoder vae, Tensor latents, VideoAutoencoder.FrameSink sink) {
    try (var _ = ops.scope()) {
      vae.decode(ops.upload(latents, DType.F32), sink);
    }
  }

  /// Hands each piece over when the next one has been asked for, so that the device need not wait.
  private static final class Behind {
    private final FrameSink sink;
    private Download latest;

    Behind(FrameSink sink) {
      this.sink = sink;
    }

    void next(Download piece) {
      Download before = latest;
      latest = piece;
      if (before != null) {
        sink.accept(before.await());
      }
    }
  }
}
