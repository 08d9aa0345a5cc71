package wan4j.cuda.bind;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CloseStackTest {
  private final List<String> closed = new ArrayList<>();
  private final CloseStack stack = new CloseStack();

  private void open(String name) {
    stack.add(() -> closed.add(name));
  }

  private IllegalStateException failing(String name) {
    IllegalStateException failure = new IllegalStateException(name);
    stack.add(() -> {
      throw failure;
    });
    return failure;
  }

  @Test
  void everythingIsClosedInReverseOrderAndTheFirstFailureIsThrown() {
    open("first");
    IllegalStateException later = failing("later");
    open("second");
    IllegalStateException earlier = failing("earlier");
    assertThatThrownBy(stack::close).isSameAs(earlier).hasSuppressedException(later);
    assertThat(closed).containsExactly("second", "first");
    stack.close();
    assertThat(closed).hasSize(2);
  }

  @Test
  void theCauseOfAnEarlyEndStaysTheCause() {
    open("first");
    IllegalStateException failure = failing("on the way");
    IllegalArgumentException cause = new IllegalArgumentException("cause");
    stack.closeAfter(cause);
    assertThat(cause).hasSuppressedException(failure);
    assertThat(closed).containsExactly("first");
  }
}
