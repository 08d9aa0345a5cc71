package wan4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import wan4j.Ranks.WeightShards;
import wan4j.cpu.CpuOps;
import wan4j.engine.RankTeam;
import wan4j.media.FrameBuffer;
import wan4j.ops.Ops;
import wan4j.parallel.RankException;
import wan4j.tensor.InputException;

/// What ends one rank ends the request on all, and leaves nothing behind.
final class RankFailureTest {
  private static final Path DEMO = Path.of("demo/checkpoint/t2v");
  private static final VideoRequest REQUEST =
      VideoRequest.of(
          "a red ball moves left",
          new VideoSize(32, 32, 5),
          Sampling.of(Task.T2V_A14B, 1).withSteps(3).withGuidance(4, 3));

  @TempDir Path folder;

  private static EngineOptions options(int ranks, Duration limit) {
    return new EngineOptions(DEMO, Device.CPU, false, false).with(Ranks.of(ranks).waiting(limit));
  }

  /// What happens on a rank at a call of its backend after a stage has begun.
  private record Mishap(int rank, int call, AtomicBoolean hasBegun, Runnable what) {
    Mishap(int rank, int call, Runnable what) {
      this(rank, call, new AtomicBoolean(true), what);
    }
  }

  private static VideoEngine engine(EngineOptions options, Mishap mishap) {
    return VideoEngine.of(
        options,
        RankTeam.open(
            options,
            rank -> _ -> rank == mishap.rank ? failing(new CpuOps(), mishap) : new CpuOps()));
  }

  private static Ops failing(Ops ops, Mishap mishap) {
    AtomicInteger calls = new AtomicInteger();
    InvocationHandler handler =
        (_, method, arguments) -> {
          boolean isWork = List.of("linear", "scope", "attention").contains(method.getName());
          if (isWork && mishap.hasBegun.get() && calls.incrementAndGet() == mishap.call) {
            mishap.what.run();
          }
          try {
            return method.invoke(ops, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return (Ops)
        Proxy.newProxyInstance(Ops.class.getClassLoader(), new Class<?>[] {Ops.class}, handler);
  }

  @AfterEach
  void noRankIsLeft() throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (ranks() > 0 && System.nanoTime() < end) {
      Thread.sleep(10);
    }
    assertThat(ranks()).isZero();
  }

  private static long ranks() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("rank "))
        .count();
  }

  @ParameterizedTest
  @CsvSource({"0, 2,", "1, 2, true", "4, 5,", "0, 5, true"})
  void aRankThatFailsEndsAll(int rank, int ranks, Boolean isDivided) {
    int call = 1 + new Random().nextInt(200);
    Mishap mishap =
        new Mishap(
            rank,
            call,
            () -> {
              throw new IllegalStateException("the memory is gone");
            });
    VideoRequest request =
        ranks == 2 ? REQUEST : REQUEST.with(REQUEST.sampling().withGuidance(1, 1));
    EngineOptions options = options(ranks, Duration.ofSeconds(60));
    WeightShards shards = new WeightShards(isDivided, isDivided);
    try (VideoEngine engine = engine(options.with(options.ranks().sharding(shards)), mishap)) {
      long start = System.nanoTime();
      assertThatThrownBy(() -> engine.generate(request, new FrameBuffer(), Progress.NONE))
          .as("at call %d", call)
          .isInstanceOf(rank == 0 ? IllegalStateException.class : RankException.class)
          .hasMessage(
              rank == 0
                  ? "the memory is gone"
                  : "rank %d of %d failed: the memory is gone".formatted(rank, ranks));
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
      FrameBuffer frames = new FrameBuffer();
      engine.generate(request, frames, Progress.NONE);
      assertThat(frames.frames().length(0)).isEqualTo(5);
    }
  }

  @Test
  void badInputOfOneRankNamesIt() {
    Mishap mishap =
        new Mishap(
            1,
            1,
            () -> {
              throw new InputException("2 MiB are free; choose a smaller --size");
            });
    try (VideoEngine engine = engine(options(2, Duration.ofSeconds(60)), mishap)) {
      assertThatThrownBy(() -> engine.generate(REQUEST, new FrameBuffer(), Progress.NONE))
          .isInstanceOf(InputException.class)
          .hasMessage("rank 1 of 2 failed: 2 MiB are free; choose a smaller --size");
    }
  }

  @ParameterizedTest
  @CsvSource({"0", "1"})
  void aRankThatFreezesIsNamed(int rank) {
    int call = 1 + new Random().nextInt(60);
    AtomicBoolean isDenoising = new AtomicBoolean();
    Mishap mishap =
        new Mishap(
            rank,
            call,
            isDenoising,
            () -> {
              try {
                Thread.sleep(Duration.ofMinutes(5));
              } catch (InterruptedException e) {
                throw new IllegalStateException("woken", e);
              }
            });
    Progress progress =
        new Progress() {
          @Override
          public void begins(String stage) {
            isDenoising.set(stage.equals("denoise"));
          }

          @Override
          public void ends(String stage, Duration time) {}

          @Override
          public void stepped(Step step) {}
        };
    try (VideoEngine engine = engine(options(2, Duration.ofSeconds(3)), mishap)) {
      assertThatThrownBy(() -> engine.generate(REQUEST, new FrameBuffer(), progress))
          .as("at call %d", call)
          .isInstanceOf(RankException.class)
          .hasMessageMatching(
              "rank %d of 2 did not come to an exchange within 3 s".formatted(rank));
      assertThatThrownBy(() -> engine.generate(REQUEST, new FrameBuffer(), Progress.NONE))
          .hasMessageContaining("open another engine");
    }
    assertThat(Thread.interrupted()).isFalse();
  }

  /// Is cancelled once so many steps are done.
  private record CancelledAfter(AtomicInteger left) implements Progress {
    CancelledAfter(int steps) {
      this(new AtomicInteger(steps));
    }

    @Override
    public void begins(String stage) {}

    @Override
    public void ends(String stage, Duration time) {}

    @Override
    public void stepped(Step step) {
      left.decrementAndGet();
    }

    @Override
    public boolean isCancelled() {
      return left.get() <= 0;
    }
  }

  @ParameterizedTest
  @CsvSource({"2, magcache", "2, easycache", "5, none"})
  void aCancelledRequestGoesOnToTheSameVideo(int ranks, String cache) throws Exception {
    VideoRequest request =
        (ranks == 2 ? REQUEST : REQUEST.with(REQUEST.sampling().withGuidance(1, 1)))
            .withCache(
                switch (cache) {
                  case "magcache" -> new CacheSettings.MagCache(1, 2, 0.2, null);
                  case "easycache" -> new CacheSettings.EasyCache(100, 1);
                  default -> new CacheSettings.Off();
                });
    Quantization delayed = new Quantization(Quantization.Recipe.DELAYED, List.of());
    EngineOptions options =
        new EngineOptions(DEMO, Device.CPU, Arithmetic.FLOAT32, delayed, false, false)
            .with(Ranks.of(ranks));
    Path video = folder.resolve("out.mkv");
    try (VideoEngine engine = VideoEngine.open(options)) {
      FrameBuffer whole = new FrameBuffer();
      engine.generate(request, whole, Progress.NONE);
      Recovery first = Recovery.beside(video, 1);
      assertThatThrownBy(() ->
              engine.generate(request, first, new FrameBuffer(), new CancelledAfter(2), _ -> {}))
          .isInstanceOf(CancellationException.class);
      FrameBuffer resumed = new FrameBuffer();
      Recovery second = Recovery.resumed(video, 1);
      engine.generate(request, second, resumed, Progress.NONE, _ -> {});
      assertThat(resumed.frames().toFloats()).isEqualTo(whole.frames().toFloats());
      second.delete();
    }
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void ratiosAreMeasuredOnOne() {
    try (VideoEngine engine = VideoEngine.open(options(2, Duration.ofSeconds(60)))) {
      VideoRequest request =
          REQUEST.withCache(new CacheSettings.Calibration(folder.resolve("ratios.json")));
      assertThatThrownBy(() -> engine.sample(request, Progress.NONE))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("leave out --gpus");
    }
  }

  @Test
  void aStateOfOtherRanksIsRefused() {
    Path video = folder.resolve("out.mkv");
    try (VideoEngine engine = VideoEngine.open(options(2, Duration.ofSeconds(60)))) {
      assertThatThrownBy(() ->
              engine.generate(
                  REQUEST,
                  Recovery.beside(video, 1),
                  new FrameBuffer(),
                  new CancelledAfter(1),
                  _ -> {}))
          .isInstanceOf(CancellationException.class);
    }
    try (VideoEngine engine = VideoEngine.open(options(1, Duration.ofSeconds(60)))) {
      assertThatThrownBy(() ->
              engine.generate(
                  REQUEST, Recovery.resumed(video, 1), new FrameBuffer(), Progress.NONE, _ -> {}))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--gpus");
    }
  }
}
