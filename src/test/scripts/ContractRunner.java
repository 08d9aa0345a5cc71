import java.io.PrintWriter;
import java.util.List;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/// Runs one test class without Maven, for machines that have none; further arguments are the tags
/// of tests that are left out.
final class ContractRunner {
  private ContractRunner() {}

  public static void main(String[] arguments) {
    var listener = new SummaryGeneratingListener();
    var request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(DiscoverySelectors.selectClass(arguments[0]));
    List<String> tags = List.of(arguments).subList(1, arguments.length);
    if (!tags.isEmpty()) {
      request.filters(TagFilter.excludeTags(tags));
    }
    LauncherFactory.create().execute(request.build(), listener, new Timer());
    var summary = listener.getSummary();
    System.out.printf(
        "%s: %d tests passed, %d failed, %d tests or classes skipped%n",
        arguments[0],
        summary.getTestsSucceededCount(),
        summary.getTestsFailedCount(),
        summary.getTestsAbortedCount()
            + summary.getTestsSkippedCount()
            + summary.getContainersAbortedCount());
    summary.printFailuresTo(new PrintWriter(System.out, true), 12);
    System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
  }

  /// Tells when each test has ended, so that a run which is cut off tells how far it came.
  private static final class Timer implements TestExecutionListener {
    private long start;

    @Override
    public void executionStarted(TestIdentifier test) {
      start = System.nanoTime();
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      if (test.isTest()) {
        System.out.printf(
            "%6d ms %s %s%n",
            (System.nanoTime() - start) / 1_000_000,
            result.getStatus(),
            test.getLegacyReportingName() + " " + test.getDisplayName());
      }
    }
  }
}
