package wan4j.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import wan4j.EngineOptions;
import wan4j.Task;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.cpu.CpuOps;
import wan4j.media.Sizing;
import wan4j.model.LatentGrid;
import wan4j.ops.Activation;
import wan4j.ops.Linear;
import wan4j.ops.Operand;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.pipeline.CharacterAnimation;
import wan4j.pipeline.Course;
import wan4j.pipeline.SpeechToVideo;
import wan4j.quant.Branch;
import wan4j.quant.Precision;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;
import wan4j.weights.Checkpoint;
import wan4j.weights.TransformerConfig;

/// What a request takes of the processors and their memory, known before it runs.
///
/// @param weightBytes the bytes of the checkpoint's networks as they are stored
/// @param pixels of all frames, or of a clip where there are several
/// @param operations floating-point operations of all steps, without those that a cache may skip
/// @param forwards of the transformers in these steps
/// @param steps of the solver
public record ProcessorPlan(
    long weightBytes, long pixels, double operations, int forwards, int steps) {
  private static final int SPEECH_FRAMES = 2; // beside the sample: the picture, and what was before
  private static final int BYTES_OF_PIXEL = 2_000; // at most: the autoencoder's widest layers
  private static final int LARGER_IN_MEMORY = 4; // at most: FP8 as float32
  private static final double WORTH_MEASURING = 2e12; // some ten seconds of two processors
  private static final double WORTH_TELLING = 60; // seconds

  /// Returns the plan of a request; throws `InputException` when the checkpoint cannot be read.
  public static ProcessorPlan of(EngineOptions options, Task task, VideoRequest request) {
    try (Checkpoint checkpoint = Checkpoint.open(options.checkpoint())) {
      Course course = Courses.of(task, request);
      LatentGrid grid = grid(task, request.size(), course);
      int steps = Math.multiplyExact(request.sampling().steps(), course.clips());
      int forwards = SamplingPlans.of(request.sampling()).isGuided() ? 2 * steps : steps;
      return new ProcessorPlan(
          checkpoint.summary().bytes(),
          request.size().area() * request.size().frames(), // of a clip, where there are several
          forwards * operations(checkpoint.config(), grid.tokens()),
          forwards,
          steps);
    }
  }

  /// Returns the grid of the tokens of a clip.
  private static LatentGrid grid(Task task, VideoSize size, Course course) {
    int step = task.sideStep();
    if (course instanceof SpeechToVideo speech) {
      Sizing.Size own = speech.size();
      int latentFrames = speech.cut().frames() / LatentGrid.TIME_STRIDE + SPEECH_FRAMES;
      return new LatentGrid(latentFrames, own.height() / step, own.width() / step);
    }
    int slots = course instanceof CharacterAnimation ? 1 : 0; // for the picture
    return new LatentGrid(
        size.latentFrames() + slots,
        Math.max(1, size.height() / step),
        Math.max(1, size.width() / step));
  }

  /// Returns the operations of a forward: the products and the attention of its blocks.
  static double operations(TransformerConfig config, double tokens) {
    double dim = config.dim();
    double products = 6 * dim * dim + 2 * dim * config.feedForwardDim();
    return config.layers() * (2 * tokens * products + 4 * tokens * tokens * dim);
  }

  /// Returns what the user may want to know before the run, as sentences; throws `InputException`
  /// with the numbers when this machine cannot hold what the request needs.
  public List<String> sentences(EngineOptions options, VideoRequest request) {
    return sentences(
        () -> VideoEngine.need(options, request).bytes(),
        HostMemory.bytes(),
        HostMemory.availableBytes(),
        ProcessorPlan::operationsPerSecond);
  }

  /// Returns the same for a machine of so many bytes, of which so many are available, and so many
  /// operations a second.
  List<String> sentences(LongSupplier need, long total, long available, DoubleSupplier rate) {
    List<String> sentences = new ArrayList<>();
    long most = LARGER_IN_MEMORY * weightBytes + BYTES_OF_PIXEL * pixels;
    if (most > available) {
      long bytes = need.getAsLong();
      String numbers =
          "the request needs %,d MiB of memory on the CPU, and this machine has %,d MiB, of which %,d are free"
              .formatted(bytes >> 20, total >> 20, available >> 20);
      if (total > 0 && bytes > total) {
        throw new InputException(
            numbers + "; choose a smaller --size or --frame_num, or a machine with more");
      }
      if (bytes > available) {
        sentences.add(numbers + ": close other programs if it becomes slow or is ended");
      }
    }
    if (operations > WORTH_MEASURING) {
      double perSecond = rate.getAsDouble();
      double seconds = operations / perSecond;
      if (seconds > WORTH_TELLING) {
        sentences.add(
            String.format(
                Locale.ROOT,
                "on this CPU the %d steps take about %s (%d forwards of %.1f TFLOP at %.0f GFLOP/s,"
                    + " measured now); text and decoding come on top",
                steps,
                duration(seconds),
                forwards,
                operations / forwards / 1e12,
                perSecond / 1e9));
      }
    }
    return sentences;
  }

  private static String duration(double seconds) {
    double minutes = seconds / 60;
    if (minutes < 100) {
      return String.format(Locale.ROOT, "%.0f minutes", Math.max(1, minutes));
    }
    return minutes < 48 * 60
        ? String.format(Locale.ROOT, "%.0f hours", minutes / 60)
        : String.format(Locale.ROOT, "%.0f days", minutes / 60 / 24);
  }

  /// Measures a matrix product as the blocks have them.
  private static double operationsPerSecond() {
    int rows = 512;
    int side = 2048;
    TensorSource weight = new RandomSource("weight", Shape.of(side, side), 1, 0, 0.02f);
    TensorSource bias = new RandomSource("bias", Shape.of(side), 2, 0, 0.1f);
    TensorSource input = new RandomSource("input", Shape.of(rows, side), 3, 0, 1);
    try (Ops ops = new CpuOps();
        Parameters parameters = ops.parameters();
        var _ = ops.scope()) {
      Linear layer = parameters.linear(List.of(weight), List.of(bias), Precision.PLAIN);
      Tensor x = parameters.tensor(input, DType.F32);
      Operand operand = ops.operand(x, layer.input(Branch.CONDITIONAL));
      double best = Double.POSITIVE_INFINITY;
      for (int run = 0; run < 4; run++) {
        long start = System.nanoTime();
        try (var _ = ops.scope()) {
          ops.linear(operand, layer, Activation.NONE);
        }
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
      }
      return 2.0 * rows * side * side / best;
    }
  }
}
