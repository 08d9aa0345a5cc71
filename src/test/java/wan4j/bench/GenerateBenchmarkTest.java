package wan4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import wan4j.Arithmetic;
import wan4j.AttentionSettings.Attention;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.EngineOptions.Recording;
import wan4j.MemoryNeed;
import wan4j.Ranks;
import wan4j.Ranks.WeightShards;
import wan4j.Task;
import wan4j.VideoSize;
import wan4j.bench.measure.Measurement;
import wan4j.cuda.CudaOps;
import wan4j.engine.Backends;
import wan4j.ops.Ops;
import wan4j.ops.Parameters;
import wan4j.tensor.InputException;

final class GenerateBenchmarkTest {
  private static final CacheSettings.MagCache CACHE =
      new CacheSettings.MagCache(0.24, 4, 0.1, null);

  private static final Workbench.Settings SETTINGS =
      Workbench.Settings.of(Device.CUDA, Arithmetic.BFLOAT16, "PerTokenScaling", 0, 1);

  /// A GPU without elements: the whole request runs, nothing is computed.
  private static Workbench shapes() {
    return new Workbench(SETTINGS, Backends.shapes(Device.CUDA, Arithmetic.BFLOAT16));
  }

  @Test
  void aRequestTellsItsStagesItsForwardsAndItsMemory() {
    List<Measurement> found = new ArrayList<>();
    List<String> lines = new ArrayList<>();
    RequestSettings settings =
        new RequestSettings(
            Task.I2V_A14B, VideoSize.of("64*64", 5), 40, 40, 1, CACHE, false, Attention.INT8);
    try (Workbench bench = shapes()) {
      GenerateBenchmark.run(bench, settings, found::add, lines::add);
    }
    assertThat(found.getFirst().parameters()).containsEntry("attention", "int8");
    assertThat(found)
        .extracting(Measurement::metric)
        .containsExactly(
            "estimated memory",
            "make umT5",
            "make VAE",
            "text",
            "make experts",
            "conditioning",
            "noise",
            "denoise",
            "decode",
            "steps of high_noise",
            "step of high_noise",
            "steps of low_noise",
            "step of low_noise",
            "forwards computed",
            "forwards skipped",
            "all but denoising",
            "total",
            "peak memory");
    assertThat(value(found, "forwards computed")).isEqualTo(47);
    assertThat(value(found, "forwards skipped")).isEqualTo(33);
    assertThat(found.getFirst().parameters()).containsEntry("cache", "MagCache E024K4R10");
    assertThat(lines).filteredOn(line -> line.startsWith("step ")).hasSize(40);
    assertThat(lines.getFirst()).startsWith("estimate: ");
    // GB that only a GPU's libraries take
    double libraries = 0.2 + CudaOps.allowanceBytes() / 1e9;
    assertThat(value(found, "estimated memory"))
        .isCloseTo(value(found, "peak memory"), within(libraries));
  }

  /// Two clips, each of two steps with guidance. The estimate adds the most weights to the most
  /// tensors, which this request does not have at once: wav2vec2 has gone when it decodes.
  @Test
  void aRequestOfSpeechIsOfTwoClips() {
    List<Measurement> found = new ArrayList<>();
    List<String> lines = new ArrayList<>();
    RequestSettings settings =
        new RequestSettings(
            Task.S2V_14B,
            VideoSize.of("128*64", 77),
            2,
            2,
            0,
            new CacheSettings.Off(),
            false,
            Attention.AUTO);
    try (Workbench bench = shapes()) {
      GenerateBenchmark.run(bench, settings, found::add, lines::add);
    }
    assertThat(found).extracting(Measurement::metric).contains("sound", "conditioning", "decode");
    assertThat(lines).filteredOn(line -> line.startsWith("step ")).hasSize(4);
    double peak = value(found, "peak memory");
    assertThat(value(found, "estimated memory")).isBetween(peak, peak + 1.3);
  }

  @Test
  void aFailureBeforeTheTextEncoderIsParkedClosesIt() {
    Set<Object> open = new HashSet<>();
    RequestSettings request =
        new RequestSettings(
            Task.I2V_A14B,
            VideoSize.of("64*64", 5),
            2,
            2,
            1,
            new CacheSettings.Off(),
            true,
            Attention.AUTO);
    try (Workbench bench = failing("embedding", open)) {
      assertThatThrownBy(() -> GenerateBenchmark.run(bench, request, _ -> {}, _ -> {}))
          .hasMessage("embedding");
    }
    assertThat(open).isEmpty();
  }

  /// A GPU without elements of which one operation fails; `open` holds the parameters that are not
  /// closed.
  private static Workbench failing(String operation, Set<Object> open) {
    Ops shapes = Backends.shapes(Device.CUDA, Arithmetic.BFLOAT16);
    Ops ops =
        proxy(
            Ops.class,
            (_, method, arguments) -> {
              if (method.getName().equals(operation)) {
                throw new IllegalStateException(operation);
              }
              Object result = method.invoke(shapes, arguments);
              return result instanceof Parameters parameters ? watched(parameters, open) : result;
            });
    return new Workbench(SETTINGS, ops);
  }

  private static Parameters watched(Parameters parameters, Set<Object> open) {
    open.add(parameters);
    return proxy(
        Parameters.class,
        (_, method, arguments) -> {
          if (method.getName().equals("close")) {
            open.remove(parameters);
          }
          return method.invoke(parameters, arguments);
        });
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
  }

  @Test
  void thePublishedRequestFitsTheBarOf56Gigabytes() {
    RequestSettings settings =
        new RequestSettings(
            Task.I2V_A14B,
            VideoSize.of("1280*720", 81),
            40,
            40,
            0,
            new CacheSettings.Off(),
            false,
            Attention.AUTO);
    RequestSettings parked =
        new RequestSettings(
            Task.I2V_A14B,
            VideoSize.of("1280*720", 81),
            40,
            40,
            0,
            new CacheSettings.Off(),
            true,
            Attention.AUTO);
    try (Workbench bench = shapes()) {
      assertThat(GenerateBenchmark.need(bench, settings).bytes()).isBetween(45L << 30, 52L << 30);
      assertThat(GenerateBenchmark.need(bench, parked).bytes()).isLessThan(42L << 30);
    }
  }

  @Test
  void ranksTellTheirLayoutAndWhatEachNeeds() {
    VideoSize size = VideoSize.of("1280*720", 81);
    CacheSettings off = new CacheSettings.Off();
    RequestSettings shared =
        new RequestSettings(Task.I2V_A14B, size, 40, 40, 0, off, true, Attention.INT8, Ranks.of(8));
    RequestSettings divided =
        new RequestSettings(
            Task.I2V_A14B,
            size,
            40,
            40,
            0,
            off,
            true,
            Attention.INT8,
            Ranks.of(8).sharding(new WeightShards(true, true)));
    Map<String, Object> parameters = new HashMap<>();
    divided.addTo(parameters);
    assertThat(parameters).containsEntry("divided weights", "transformers, text");
    parameters.clear();
    shared.addTo(parameters);
    assertThat(parameters)
        .containsEntry("gpus", 8)
        .containsEntry("layout", "2 x 4")
        .containsEntry("attention", "int8");
    try (Workbench bench = shapes()) {
      MemoryNeed whole = GenerateBenchmark.need(bench, shared);
      assertThat(whole.bytes()).isBetween(38L << 30, 44L << 30);
      MemoryNeed parts = GenerateBenchmark.need(bench, divided);
      assertThat(parts.scopes()).isEqualTo(whole.scopes());
      // 80 blocks of 0.33 GiB, an eighth each, two buffers for each expert, and what stays whole
      assertThat(whole.weights() - parts.weights()).isBetween(20L << 30, 23L << 30);
    }
  }

  @Test
  void aForwardOfSpeechIsThatOfAFirstAndOfALaterClip() {
    try (Workbench bench = shapes()) {
      List<Measurement> results =
          ForwardBenchmark.run(
              bench, Task.S2V_14B, VideoSize.of("1024*704", 77), 8, 1, Attention.AUTO);
      assertThat(results)
          .extracting(result -> result.parameters().get("tokens"))
          .containsOnly(59_136, 63_360);
      assertThat(results)
          .extracting(result -> result.parameters().get("clip"))
          .containsOnly("first", "later");
    }
  }

  @Test
  void aForwardTellsWhatPartOfItWaitsForTheHostAndWhatItsBlocksTake() {
    try (Workbench bench = shapes()) {
      List<Measurement> results =
          ForwardBenchmark.run(
              bench, Task.I2V_A14B, VideoSize.of("64*64", 5), 8, 1, Attention.AUTO);
      Measurement overhead =
          results.stream()
              .filter(r -> r.metric().equals("host overhead"))
              .findFirst()
              .orElseThrow();
      assertThat(overhead.unit()).isEqualTo("%");
      assertThat(overhead.max()).isLessThanOrEqualTo(100);
      double[] medians = {
        value(results, "time"), value(results, "its blocks alone"),
      };
      assertThat(value(results, "time over its blocks'"))
          .isEqualTo(medians[0] / medians[1]); // one run
    }
  }

  @Test
  void aCacheIsNotExtrapolated() {
    VideoSize size = VideoSize.of("64*64", 5);
    assertThatThrownBy(
            () -> new RequestSettings(Task.I2V_A14B, size, 40, 2, 0, CACHE, false, Attention.AUTO))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--steps_measured");
    assertThatThrownBy(() ->
            new RequestSettings(
                Task.I2V_A14B, size, 2, 3, 0, new CacheSettings.Off(), false, Attention.AUTO))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("got 2 steps and 3 measured ones");
  }

  /// The boundary of image to video is at 0.9: with a shift of 5 a third of the steps are above it.
  @Test
  void stepsOfEachExpertStandForTheOthersOfIts() {
    VideoSize size = VideoSize.of("64*64", 5);
    int measured = RequestSettings.measured(Task.I2V_A14B, 40, 2);
    assertThat(measured).isEqualTo(4);
    assertThat(RequestSettings.measured(Task.TI2V_5B, 50, 6)).isEqualTo(6);
    assertThatThrownBy(() -> RequestSettings.measured(Task.I2V_A14B, 40, 30))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("which no expert has in 40 steps");
    RequestSettings settings =
        new RequestSettings(
            Task.I2V_A14B,
            size,
            40,
            measured,
            1,
            new CacheSettings.Off(),
            false,
            Attention.INT8,
            Ranks.ALONE,
            Recording.NEVER,
            1);
    List<Measurement> found = new ArrayList<>();
    try (Workbench bench = shapes()) {
      GenerateBenchmark.run(bench, settings, found::add, _ -> {});
    }
    assertThat(found.getFirst().parameters())
        .containsEntry("steps measured", 4)
        .containsEntry("under load before", "1 s")
        .containsEntry("compile", "False");
    double high = value(found, "step of high_noise");
    double low = value(found, "step of low_noise");
    double steps = value(found, "steps of high_noise") + value(found, "steps of low_noise");
    assertThat(
            value(found, "total, extrapolated from 4 of 40 steps")
                - value(found, "all but denoising")
                - value(found, "denoise, 4 steps"))
        .isCloseTo(13 * high + 23 * low, within(1e-3 + steps));
  }

  private static double value(List<Measurement> found, String metric) {
    return found.stream().filter(r -> r.metric().equals(metric)).findFirst().orElseThrow().median();
  }
}
