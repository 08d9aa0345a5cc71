package wan4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class UnwindingTest {
  private final List<String> closed = new ArrayList<>();

  @Test
  void everythingIsClosedAndTheFirstFailureIsThrownWithTheOthers() {
    Unwinding all = new Unwinding();
    all.then(() -> closed.add("first"));
    all.then(() -> fail("second"));
    all.then(() -> fail("third"));
    all.then(() -> closed.add("fourth"));
    assertThatThrownBy(all::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("third")
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1))
        .satisfies(e -> assertThat(e.getSuppressed()[0]).hasMessage("second"));
    assertThat(closed).containsExactly("fourth", "third", "second", "first");
  }

  @Test
  void whatIsKeptStaysOpen() {
    try (Unwinding all = new Unwinding()) {
      all.then(() -> closed.add("first"));
      all.keep();
    }
    assertThat(closed).isEmpty();
  }

  private void fail(String name) {
    closed.add(name);
    throw new IllegalStateException(name);
  }
}
