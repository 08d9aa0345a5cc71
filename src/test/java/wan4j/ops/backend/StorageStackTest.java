package wan4j.ops.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import wan4j.ops.Scope;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Storage;

class StorageStackTest {
  private static final long MOST = 1000;

  private final List<Storage> dead = new ArrayList<>();
  private final List<Storage> given = new ArrayList<>();
  private final StorageStack stack = new StorageStack(100, 400, this::allocate, dead::add);

  private Storage allocate(long bytes) {
    if (bytes > MOST) {
      throw new IllegalArgumentException("no room for " + bytes);
    }
    return new HostStorage(MemorySegment.ofArray(new byte[(int) bytes]));
  }

  @Test
  void whatIsRefusedLeavesTheStackAsItWas() {
    try (Scope _ = stack.scope()) {
      stack.take(60);
      assertThatThrownBy(() -> stack.take(MOST + 1)).hasMessage("no room for 1001");
      assertThat(stack.height()).isEqualTo(60);
      assertThat(stack.take(40).bytes()).isEqualTo(40);
      assertThat(stack.bytes()).isEqualTo(100);
    }
    assertThat(stack.height()).isZero();
    assertThat(dead).extracting(Storage::bytes).containsExactly(100L);
  }

  @Test
  void aReservedChunkTakesThePlaceOfAllOthers() {
    try (Scope _ = stack.scope()) {
      stack.take(60);
      stack.take(60);
      stack.reserve(500, 500, given::add);
      assertThat(given).as("while something is taken").isEmpty();
    }
    stack.reserve(500, 500, given::add);
    assertThat(given).extracting(Storage::bytes).containsExactly(100L, 200L);
    assertThat(stack.bytes()).isEqualTo(500);
    stack.reserve(500, 500, given::add);
    assertThat(given).as("of that size already").hasSize(2);
    stack.reserve(300, 500, given::add);
    assertThat(given).as("of more, and no more than may be").hasSize(2);
    assertThat(stack.bytes()).isEqualTo(500);
    stack.reserve(300, 499, given::add);
    assertThat(given).extracting(Storage::bytes).containsExactly(100L, 200L, 500L);
    assertThat(stack.bytes()).isEqualTo(300);
  }

  @Test
  void scopesCloseInReverseOrder() {
    Scope outer = stack.scope();
    Scope inner = stack.scope();
    assertThatThrownBy(outer::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("reverse");
    inner.close();
    outer.close();
  }
}
