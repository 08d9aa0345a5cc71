package wan4j.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.Arithmetic;
import wan4j.AttentionSettings.Attention;
import wan4j.Device;
import wan4j.MemoryNeed;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.bench.measure.Clock;
import wan4j.bench.measure.Measurement;
import wan4j.bench.measure.OperationProfile;
import wan4j.bench.measure.OperationTimes;
import wan4j.bench.measure.Rates;
import wan4j.bench.measure.TimedOps;
import wan4j.bench.random.RandomWeights;
import wan4j.engine.AttentionChoice;
import wan4j.engine.Backends;
import wan4j.engine.Precisions;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.ops.plan.NullOps;
import wan4j.quant.PrecisionTable;
import wan4j.tensor.DType;
import wan4j.tensor.InputException;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// A backend with a clock, on which benchmarks run and measure work.
public final class Workbench implements AutoCloseable {
  /// How benchmarks run.
  ///
  /// @param device where
  /// @param arithmetic what a GPU computes in where nothing is quantised
  /// @param recipe the FP8 recipe of linear layers, or `NONE`
  /// @param warmUp runs before the measured ones
  /// @param runs measured runs
  public record Settings(
      Device device, Arithmetic arithmetic, Quantization.Recipe recipe, int warmUp, int runs) {
    /// Throws `InputException` for numbers of runs that measure nothing.
    public Settings {
      if (warmUp < 0 || runs < 1) {
        throw new InputException(
            "got %d warm-up and %d measured runs; give 0 or more and 1 or more"
                .formatted(warmUp, runs));
      }
    }

    /// Creates settings with a recipe by its name on the command line, null for none; throws
    /// `InputException` for others.
    public static Settings of(
        Device device, Arithmetic arithmetic, String recipe, int warmUp, int runs) {
      Quantization.Recipe chosen =
          recipe == null ? Quantization.Recipe.NONE : Quantization.Recipe.of(recipe);
      return new Settings(device, arithmetic, chosen, warmUp, runs);
    }

    /// Returns the parameters that every measurement has: the precision, the recipe and the number
    /// of devices.
    Map<String, Object> parameters() {
      Map<String, Object> parameters = new LinkedHashMap<>();
      parameters.put("precision", arithmetic.spelling(device));
      parameters.put("recipe", recipe.spelling());
      parameters.put("gpus", device == Device.CUDA ? 1 : 0);
      return parameters;
    }
  }

  private static final long WARM_UP_NANOSECONDS = 2_000_000_000;

  private final Settings settings;
  private final Ops backend;
  private final Clock clock;
  private final OperationTimes operationTimes;
  private final TimedOps ops;
  private Parameters inputs;

  /// Opens a device; throws `InputException` when it cannot be used.
  public Workbench(Settings settings) {
    this(settings, Backends.open(settings.device(), settings.arithmetic()));
  }

  /// Takes over a backend for the settings' device.
  public Workbench(Settings settings, Ops backend) {
    this(settings, backend, Clock.of(backend));
  }

  /// Takes over a backend and measures with a clock.
  public Workbench(Settings settings, Ops backend, Clock clock) {
    this.settings = settings;
    this.backend = backend;
    this.clock = clock;
    operationTimes = new OperationTimes(clock);
    ops = new TimedOps(backend, operationTimes);
    inputs = ops.parameters();
  }

  public Ops ops() {
    return ops;
  }

  /// Returns the backend without a clock.
  Ops backend() {
    return backend;
  }

  Settings settings() {
    return settings;
  }

  /// Says whether the host queues work on a device, so that their times differ.
  boolean hasHost() {
    return settings.device() == Device.CUDA;
  }

  /// Returns a backend without elements that plans for this one.
  NullOps shapes() {
    return Backends.shapes(settings.device(), settings.arithmetic());
  }

  /// Returns the memory that what ran on a backend without elements needs here.
  MemoryNeed need(NullOps shapes) {
    return Backends.need(shapes, settings.device(), true);
  }

  /// Reserves memory; throws `InputException` with the numbers when there is too little.
  void reserve(MemoryNeed need) {
    Backends.reserve(backend, need);
  }

  /// Returns by how many bytes the GPU's free memory has fallen at most, 0 for a processor.
  long driverPeakBytes() {
    return Backends.driverPeakBytes(backend);
  }

  /// Throws `InputException` when a recipe was given to a benchmark that has no use for it.
  void requireNoRecipe(String benchmark) {
    if (settings.recipe() != Quantization.Recipe.NONE) {
      throw new InputException(
          "--fp8_recipe was given, but bench %s has no layers of a transformer; leave it out"
              .formatted(benchmark));
    }
  }

  /// Returns which linear layers of a transformer run in the recipe.
  PrecisionTable precisions() {
    return PrecisionTable.of(Precisions.of(settings.recipe()), List.of());
  }

  /// Returns the attention of a transformer with heads of a size, what `auto` settles on where that
  /// was chosen.
  Attention settled(Attention attention, int headSize) {
    return AttentionChoice.settled(
        attention, ops().activation(), headSize, Precisions.of(settings.recipe()).isFloat8());
  }

  /// Returns the parameters that every measurement has: the precision, the recipe and the number of
  /// devices.
  public Map<String, Object> parameters() {
    return settings.parameters();
  }

  /// Returns the parameters of what runs one rank's part of a task's transformer, one of `share`
  /// ranks, every forward of it.
  public Map<String, Object> parameters(Task task, int share) {
    Map<String, Object> parameters = parameters();
    parameters.put("task", task.spelling());
    parameters.put("share", share);
    parameters.put("attention", attention(RandomWeights.config(task, 1).headDim(), false));
    parameters.put("residual", settings.arithmetic().residualSpelling(settings.device()));
    parameters.put("cache", "none");
    return parameters;
  }

  /// Returns the parameters of what runs one rank's part of a transformer whose attention is
  /// settled.
  Map<String, Object> parameters(Task task, int share, Attention attention) {
    Map<String, Object> parameters = parameters(task, share);
    if (attention.isNarrow()) {
      parameters.put("attention", attention.spelling());
    }
    return parameters;
  }

  /// Returns what the backend calls its attention in heads of a size, with a bias or without.
  String attention(int headSize, boolean isBiased) {
    return Backends.attention(backend, headSize, isBiased);
  }

  /// Returns a tensor of random values that stays until the workbench is closed.
  Tensor random(DType dtype, float deviation, long... sizes) {
    return inputs.tensor(
        new RandomSource("input", Shape.of(sizes), 99L << 56, 0, deviation), dtype);
  }

  /// Does work whose random tensors leave memory with it.
  void aside(Runnable work) {
    Parameters kept = inputs;
    inputs = ops.parameters();
    try {
      work.run();
    } finally {
      inputs.close();
      inputs = kept;
    }
  }

  /// What rounds of work took.
  ///
  /// @param times the milliseconds of each piece of work in each round
  /// @param profile the times of each operation of the first piece in each round
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Rounds(double[][] times, OperationProfile profile) {}

  /// Returns the milliseconds of each run after the warm-up; several pieces of work take turns. The
  /// next run is always queued before the one before has ended, so these are the device's own
  /// times, even where the host takes longer to queue a run than the device to execute it.
  public double[][] times(Runnable... works) {
    for (int i = 0; i < settings.warmUp(); i++) {
      for (Runnable work : works) {
        work.run();
      }
    }
    return rounds(false, works).times();
  }

  /// Measures rounds of work in turn and, in the same rounds, the operations of the first piece, so
  /// that both see the same state of the device: its clock falls under load, so it is kept busy for
  /// some seconds first.
  Rounds rounds(Runnable... works) {
    long start = System.nanoTime();
    for (int i = 0;
        i < settings.warmUp() || (hasHost() && System.nanoTime() - start < WARM_UP_NANOSECONDS);
        i++) {
      for (Runnable work : works) {
        work.run();
      }
      ops.synchronize();
    }
    return rounds(true, works);
  }

  private Rounds rounds(boolean isProfiled, Runnable... works) {
    double[] leads = Arrays.stream(works).mapToDouble(clock::lead).toArray();
    ops.synchronize();
    clock.reset();
    long[][] marks = new long[works.length][2 * settings.runs()];
    for (int run = 0; run < settings.runs(); run++) {
      for (int i = 0; i < works.length; i++) {
        if (run == 0 || leads[i] > 0) {
          clock.ahead(leads[i], works[i]);
        }
        marks[i][2 * run] = clock.mark();
        works[i].run();
        marks[i][2 * run + 1] = clock.mark();
      }
      if (isProfiled) {
        if (leads[0] > 0) {
          clock.ahead(leads[0], works[0]);
        }
        operationTimes.profile(works[0]);
      }
    }
    double[][] times = new double[works.length][settings.runs()];
    for (int i = 0; i < works.length; i++) {
      for (int run = 0; run < settings.runs(); run++) {
        times[i][run] = clock.milliseconds(marks[i][2 * run], marks[i][2 * run + 1]);
      }
    }
    Rounds rounds = new Rounds(times, isProfiled ? operationTimes.profile() : null);
    clock.reset();
    return rounds;
  }

  /// Returns the milliseconds of each run, after the warm-up, of work that waits for the device
  /// itself, such as reading files, from an idle device until all is done.
  double[] wholeTimes(Runnable work) {
    for (int i = 0; i < settings.warmUp(); i++) {
      work.run();
    }
    double[] times = new double[settings.runs()];
    for (int run = 0; run < times.length; run++) {
      ops.synchronize();
      long start = System.nanoTime();
      work.run();
      ops.synchronize();
      times[run] = (System.nanoTime() - start) / 1e6;
    }
    return times;
  }

  /// Returns the host's milliseconds to queue the work, each run with an idle device.
  double[] hostTimes(Runnable work) {
    double[] times = new double[settings.runs()];
    for (int run = 0; run < times.length; run++) {
      ops.synchronize();
      long start = System.nanoTime();
      work.run();
      times[run] = (System.nanoTime() - start) / 1e6;
    }
    ops.synchronize();
    return times;
  }

  /// Measures the share of its time that work waits for the host, in %: it is timed on an idle
  /// device, which starts with the first operation that is queued, and on one that is kept busy
  /// until all are queued; the overhead is the difference over the former. Work must not wait for
  /// the device itself.
  Measurement hostOverhead(String benchmark, Map<String, Object> parameters, Runnable work) {
    double[] shares = new double[settings.runs()];
    double lead = clock.lead(work);
    for (int run = 0; run < shares.length; run++) {
      ops.synchronize();
      clock.reset();
      double alone = milliseconds(work);
      ops.synchronize();
      clock.ahead(lead, work);
      double queued = milliseconds(work);
      shares[run] = 100 * (alone - queued) / alone;
    }
    clock.reset();
    return Measurement.of(benchmark, parameters, "host overhead", "%", shares);
  }

  private double milliseconds(Runnable work) {
    long from = clock.mark();
    work.run();
    return clock.milliseconds(from, clock.mark());
  }

  /// Measures work: its time and rate, the parts of products, attention, convolutions and
  /// everything else in it, each operation's time, the host's time, and the peak of memory.
  List<Measurement> measure(String benchmark, Map<String, Object> parameters, Runnable work) {
    return describe(benchmark, parameters, work, rounds(work));
  }

  /// Returns the figures of work that was the first piece of rounds.
  List<Measurement> describe(
      String benchmark, Map<String, Object> parameters, Runnable work, Rounds rounds) {
    double[] times = rounds.times()[0];
    OperationProfile profile = rounds.profile();
    List<Measurement> results = new ArrayList<>();
    results.add(Measurement.of(benchmark, parameters, "time", "ms", times));
    double operations = profile.operations();
    if (operations > 0) {
      results.add(
          Measurement.of(
              benchmark, parameters, "rate", "TFLOP/s", Rates.teraflops(operations, times)));
    }
    results.addAll(profile.measurements(benchmark, parameters));
    if (hasHost()) {
      results.add(Measurement.of(benchmark, parameters, "host", "ms", hostTimes(work)));
    }
    results.add(peak(benchmark, parameters));
    return results;
  }

  /// Returns the largest number of bytes in use so far.
  Measurement peak(String benchmark, Map<String, Object> parameters) {
    return Measurement.of(benchmark, parameters, "peak memory", "GB", ops.peakBytes() / 1e9);
  }

  @Override
  public void close() {
    inputs.close();
    clock.close();
    ops.close();
  }
}
