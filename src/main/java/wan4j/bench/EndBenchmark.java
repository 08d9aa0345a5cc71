package wan4j.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.TemporaryFolder;
import wan4j.media.FrameSink;
import wan4j.media.Sound;
import wan4j.media.VideoCodec;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.pipeline.FrameDecoder;
import wan4j.tensor.InputException;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The end of a request, after its last step: decoding alone, an mp4 alone, and both beside each
/// other. Random weights decode to noise, so a moving synthetic picture is encoded in its place, as
/// many frames at a time as the decoder gives.
public final class EndBenchmark {
  private static final String NAME = "end";
  private static final int QUALITY = 18; // that of the command line
  private static final int PICTURES = 8; // different ones, one after another
  private static final int AT_ONCE = 4;

  private EndBenchmark() {}

  /// Measures the end of a task's request with an encoder by its name, or the usual one for null;
  /// throws `InputException` when there is no such encoder or the size does not fit the
  /// autoencoder.
  public static List<Measurement> run(Workbench bench, Task task, VideoSize size, String encoder) {
    bench.requireNoRecipe(NAME);
    VideoCodec codec = VideoCodec.of(encoder);
    Ops ops = bench.ops();
    byte[][] pictures = new byte[PICTURES][];
    for (int i = 0; i < PICTURES; i++) {
      pictures[i] = picture(size.width(), size.height(), i);
    }
    VideoSettings settings =
        new VideoSettings(task.defaults().framesPerSecond(), QUALITY, Sound.NONE, codec);
    List<Measurement> results = new ArrayList<>();
    try (TemporaryFolder folder = TemporaryFolder.ofJava();
        VideoAutoencoder vae = AutoencoderBenchmark.open(task, ops)) {
      if (size.width() % vae.stride() != 0 || size.height() % vae.stride() != 0) {
        throw new InputException(
            "--size got %s; expected multiples of %d".formatted(size.sides(), vae.stride()));
      }
      Shape shape = vae.latents(size.frames(), size.height(), size.width());
      Tensor latents = Tensor.of(new float[Math.toIntExact(shape.count())], shape.toArray());
      Path file = folder.path().resolve("end.mp4");
      double[] alone = bench.wholeTimes(() -> FrameDecoder.decode(ops, vae, latents, _ -> {}));
      double[] encoding =
          bench.wholeTimes(() -> {
            try (VideoWriter writer = VideoWriter.open(file, settings)) {
              Synthetic sink = new Synthetic(pictures, size, writer);
              for (int first = 0; first < size.frames(); first += AT_ONCE) {
                sink.next(Math.min(AT_ONCE, size.frames() - first));
              }
              writer.finish();
            }
          });
      double[] both =
          bench.wholeTimes(() -> {
            try (VideoWriter writer = VideoWriter.open(file, settings)) {
              FrameDecoder.decode(ops, vae, latents, new Synthetic(pictures, size, writer));
              writer.finish();
            }
          });
      Map<String, Object> parameters = bench.parameters();
      parameters.put("task", task.spelling());
      parameters.put("size", size.sides());
      parameters.put("frames", size.frames());
      parameters.put("encoder", codec.spelling());
      parameters.put("processors", Runtime.getRuntime().availableProcessors());
      results.add(Measurement.of(NAME, parameters, "decode alone", "ms", alone));
      results.add(Measurement.of(NAME, parameters, "mp4 alone", "ms", encoding));
      results.add(Measurement.of(NAME, parameters, "decode and mp4", "ms", both));
      double[] rates = new double[encoding.length];
      double[] ratios = new double[both.length];
      for (int run = 0; run < rates.length; run++) {
        rates[run] = size.frames() / encoding[run] * 1000;
        ratios[run] = both[run] / alone[run];
      }
      results.add(Measurement.of(NAME, parameters, "mp4 alone, rate", "frames/s", rates));
      results.add(Measurement.of(NAME, parameters, "both over decode alone", "", ratios));
    }
    return results;
  }

  /// Hands over as many synthetic frames as it is given others.
  private static final class Synthetic implements FrameSink {
    private final byte[][] pictures;
    private final VideoSize size;
    private final FrameSink sink;
    private int next;

    Synthetic(byte[][] pictures, VideoSize size, FrameSink sink) {
      this.pictures = pictures;
      this.size = size;
      this.sink = sink;
    }

    @Override
    public void accept(Tensor frames) {
      next(frames.length(0));
    }

    void next(int count) {
      int bytes = pictures[0].length;
      byte[] piece = new byte[Math.multiplyExact(count, bytes)];
      for (int i = 0; i < count; i++) {
        System.arraycopy(pictures[next % PICTURES], 0, piece, i * bytes, bytes);
        next++;
      }
      sink.accept(Tensor.of(piece, count, size.height(), size.width(), 3));
    }
  }

  /// Draws waves of three sizes that move in three directions.
  private static byte[] picture(int width, int height, int time) {
    byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        double wave =
            Math.sin(0.02 * (x + 4 * time))
                + Math.cos(0.03 * (y - 3 * time))
                + 0.3 * Math.sin(0.21 * x + 0.17 * y + 0.5 * time);
        int at = (y * width + x) * 3;
        pixels[at] = (byte) (int) (128 + 40 * wave);
        pixels[at + 1] = (byte) (int) (120 + 35 * Math.sin(2 * wave + 1));
        pixels[at + 2] = (byte) (int) (100 + 30 * Math.cos(3 * wave));
      }
    }
    return pixels;
  }
}
