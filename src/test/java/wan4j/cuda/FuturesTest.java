package wan4j.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class FuturesTest {
  private final ExecutorService threads = Executors.newFixedThreadPool(4);
  private final AtomicInteger ended = new AtomicInteger();
  private final List<String> events = new ArrayList<>();

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  @Test
  void workThatSucceedsNeedsNoSettling() {
    List<Future<?>> work = List.of(threads.submit(ended::incrementAndGet));
    assertThatCode(() -> Futures.require(work, () -> events.add("settled")))
        .doesNotThrowAnyException();
    assertThat(ended).hasValue(1);
    assertThat(events).isEmpty();
  }

  @Test
  void theFirstFailureIsThrownOnceAllHasEndedAndIsSettled() {
    CountDownLatch failed = new CountDownLatch(1);
    List<Future<?>> work =
        List.of(
            threads.submit(() -> fail("first", failed)),
            threads.submit(() -> slowly(failed)),
            threads.submit(() -> fail("second", failed)),
            threads.submit(() -> slowly(failed)));
    Throwable thrown =
        catchThrowable(() -> Futures.require(work, () -> events.add(ended + " ended")));
    assertThat(thrown).isInstanceOf(IllegalArgumentException.class).hasMessage("first");
    assertThat(thrown.getSuppressed()).extracting(Throwable::getMessage).containsExactly("second");
    assertThat(events).containsExactly("2 ended");
  }

  @Test
  void aFailureToSettleIsSuppressedByTheFirst() {
    List<Future<?>> work = List.of(threads.submit(() -> fail("first", new CountDownLatch(1))));
    Throwable thrown =
        catchThrowable(() ->
            Futures.require(
                work,
                () -> {
                  throw new IllegalStateException("the device is gone");
                }));
    assertThat(thrown).hasMessage("first");
    assertThat(thrown.getSuppressed())
        .extracting(Throwable::getMessage)
        .containsExactly("the device is gone");
  }

  @Test
  void anErrorStaysAnError() {
    List<Future<?>> work =
        List.of(
            threads.submit(() -> {
              throw new InternalError("a file was cut short");
            }));
    assertThatThrownBy(() -> Futures.require(work, () -> {}))
        .isInstanceOf(InternalError.class)
        .hasMessage("a file was cut short");
  }

  @Test
  void anInterruptedThreadWaitsAllTheSameAndStaysInterrupted() {
    CountDownLatch none = new CountDownLatch(0);
    List<Future<?>> work = List.of(threads.submit(() -> slowly(none)));
    Thread.currentThread().interrupt();
    Futures.require(work, () -> events.add("settled"));
    assertThat(Thread.interrupted()).isTrue();
    assertThat(ended).hasValue(1);
  }

  private static void fail(String message, CountDownLatch failed) {
    failed.countDown();
    throw new IllegalArgumentException(message);
  }

  /// Ends a while after a failure.
  private void slowly(CountDownLatch failed) {
    try {
      failed.await();
      Thread.sleep(100);
      ended.incrementAndGet();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
