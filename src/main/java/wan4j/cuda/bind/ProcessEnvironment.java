package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/// The process's environment as C libraries read it, which Java's view of it does not change.
@SuppressWarnings("restricted")
final class ProcessEnvironment {
  private static final MethodHandle SET = set();

  private ProcessEnvironment() {}

  private static MethodHandle set() {
    var linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().find("setenv").orElseThrow(),
        FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
  }

  /// Sets a variable unless the user has set it.
  static void setUnlessGiven(String name, String value) {
    try (var arena = Arena.ofConfined()) {
      var status = (int) SET.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 0);
      if (status != 0) {
        throw new IllegalStateException("setenv could not set " + name);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
