package wan4j.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import wan4j.media.FrameBuffer;
import wan4j.media.FrameSink;
import wan4j.model.LatentGrid;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Download;
import wan4j.ops.HostExchange;
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
        HostExchange.ALONE,
        features -> vae.decode(ops.upload(latents, DType.F32), features),
        () -> {},
        sink,
        new LastFrames(0));
  }

  /// Hands over the features that `decoding` makes as such bytes, and to `last` as they are;
  /// `before` is told before each round of pieces. Where ranks decode together, the first one hands
  /// over what all have made.
  static void decode(
      Ops ops,
      HostExchange ranks,
      Consumer<VideoAutoencoder.FrameSink> decoding,
      Runnable before,
      FrameSink sink,
      LastFrames last) {
    Rounds rounds = new Rounds(ops, ranks, before, sink, last);
    try (var _ = ops.scope()) {
      decoding.accept(rounds);
    }
    rounds.finish();
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
  private record Piece(Download pixels, Download floats) {
    List<Tensor> arrived() {
      Tensor bytes = pixels.await();
      return floats == null ? List.of(bytes) : List.of(bytes, floats.await());
    }
  }

  /// Hands the pieces of a round over when those of the next one have been asked for, so that the
  /// device need not wait.
  private static final class Rounds implements VideoAutoencoder.FrameSink {
    private final Ops ops;
    private final HostExchange ranks;
    private final Runnable before;
    private final FrameSink sink;
    private final LastFrames last;
    private List<Piece> latest = new ArrayList<>(); // of the round before
    private List<Piece> present = new ArrayList<>();

    Rounds(Ops ops, HostExchange ranks, Runnable before, FrameSink sink, LastFrames last) {
      this.ops = ops;
      this.ranks = ranks;
      this.before = before;
      this.sink = sink;
      this.last = last;
    }

    @Override
    public void accept(int first, Tensor features) {
      Download pixels = ops.beginDownload(ops.pixels(features));
      present.add(
          new Piece(pixels, last.areWanted() ? ops.beginDownload(planes(ops, features)) : null));
    }

    @Override
    public void endRound() {
      handOver(latest);
      latest = present;
      present = new ArrayList<>();
    }

    @Override
    public HostExchange ranks() {
      return ranks;
    }

    void finish() {
      handOver(latest);
      handOver(present); // of what is decoded without rounds
    }

    private void handOver(List<Piece> pieces) {
      before.run();
      List<Tensor> own = pieces.stream().flatMap(piece -> piece.arrived().stream()).toList();
      for (List<Tensor> made : ranks.toFirst(own)) {
        int step = last.areWanted() ? 2 : 1;
        for (int i = 0; i < made.size(); i += step) {
          if (last.areWanted()) {
            last.add(made.get(i + 1));
          }
          sink.accept(made.get(i));
        }
      }
    }
  }
}
