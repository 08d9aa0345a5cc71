package wan4j.pipeline;

import java.util.function.Consumer;
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
    decode(
        ops,
        features -> vae.decode(ops.upload(latents, DType.F32), features),
        sink,
        new LastFrames(0));
  }

  /// Hands over the features that `decoding` makes as such bytes, and to `last` as they are.
  static void decode(
      Ops ops, Consumer<VideoAutoencoder.FrameSink> decoding, FrameSink sink, LastFrames last) {
    Behind behind = new Behind(sink, last);
    try (var _ = ops.scope()) {
      decoding.accept((_, features) -> behind.next(begin(ops, features, last.areWanted())));
    }
    behind.next(null);
  }

  private static Piece begin(Ops ops, Tensor features, boolean isKept) {
    Download pixels = ops.beginDownload(ops.pixels(features));
    return new Piece(pixels, isKept ? ops.beginDownload(planes(ops, features)) : null);
  }

  /// Returns features as float32 `[3, frames, height, width]`.
  private static Tensor planes(Ops ops, Tensor features) {
    float[] ones = {1, 1, 1};
    Tensor factor = ops.upload(Tensor.of(ones, 3), DType.F32);
    Tensor offset = ops.upload(Tensor.of(new float[3], 3), DType.F32);
    return ops.channelsFirst(features, factor, offset);
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
          float[] piece = ops.download(planes(ops, features)).toFloats();
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

  /// A piece on its way: bytes of pixels, and floats where they are kept, else null.
  private record Piece(Download pixels, Download floats) {}

  /// Hands each piece over when the next one has been asked for, so that the device need not wait.
  private static final class Behind {
    private final FrameSink sink;
    private final LastFrames last;
    private Piece latest;

    Behind(FrameSink sink, LastFrames last) {
      this.sink = sink;
      this.last = last;
    }

    void next(Piece piece) {
      Piece before = latest;
      latest = piece;
      if (before != null) {
        if (before.floats != null) {
          last.add(before.floats.await());
        }
        sink.accept(before.pixels.await());
      }
    }
  }
}
