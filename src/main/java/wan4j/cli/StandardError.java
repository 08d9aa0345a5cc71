package wan4j.cli;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/// Standard error, which the launcher leads through a pipe until the program begins, since Java
/// itself says there at each start that the Vector API is an incubating module.
@SuppressWarnings("restricted") // the one foreign call of this package
final class StandardError {
  private static final String PROPERTY = "wan4j.standard-error";
  private static final int STANDARD_ERROR = 2;

  private StandardError() {}

  /// Points standard error, Java's and that of native libraries, to what the launcher kept open
  /// under another number; without one it stays as it is.
  static void restore() {
    Integer kept = Integer.getInteger(PROPERTY);
    if (kept == null) {
      return;
    }
    try {
      Linker linker = Linker.nativeLinker();
      MethodHandle dup2 =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("dup2"),
              FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
      int _ = (int) dup2.invokeExact((int) kept, STANDARD_ERROR);
    } catch (Throwable e) {
      return; // what is said goes through the pipe and arrives too
    }
  }
}
