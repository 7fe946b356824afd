internal import HTTPTypes
internal import Synchronization
internal import VaultDB

/// What the server counts, in Prometheus' text format (version 0.0.4).
struct PrometheusText {
    private let state: ServerState
    /// Upper bounds of the latency buckets, in seconds.
    private static let bounds = [0.000_01, 0.000_1, 0.001, 0.01, 0.1, 1, 10]

    init(_ state: ServerState) { self.state = state }

    func text() throws(VaultError) -> String {
        let metrics = state.metrics
        let writer = state.vault.writerStatistics
        let file = try state.vault.statistics()
        var text = commandText() + httpText()
        func add(_ name: String, _ type: String, _ help: String, _ value: Int) {
            text += "# HELP vaultdb_\(name) \(help)\n# TYPE vaultdb_\(name) \(type)\nvaultdb_\(name) \(value)\n"
        }
        add("connections", "gauge", "Open connections.", state.clients.count)
        add(
            "connections_refused_total", "counter", "Connections refused because there were too many.",
            state.clients.refusedCount.load(ordering: .relaxed))
        add(
            "resolve_matched_total", "counter", "RESOLVE commands that found somebody.",
            metrics.sum { $0.matched.load(ordering: .relaxed) })
        add(
            "resolve_created_total", "counter", "Resolves that created an identity, by whatever call.",
            state.vault.createdCount)
        add(
            "resolve_conflicts_total", "counter", "Conflicts that RESOLVE commands told of.",
            metrics.sum { $0.conflicts.load(ordering: .relaxed) })
        add("busy_total", "counter", "Replies that said busy.", metrics.busyCount.load(ordering: .relaxed))
        add(
            "protocol_errors_total", "counter", "Connections ended by a protocol error.",
            metrics.protocolFaultCount.load(ordering: .relaxed))
        add(
            "tokens_refused_total", "counter", "Tokens shown that were none.",
            metrics.failedLoginCount.load(ordering: .relaxed))
        add("writer_commits_total", "counter", "Commits of the writer.", writer.commits)
        add("writer_writes_total", "counter", "Writes in those commits.", writer.writes)
        add("writer_group_max", "gauge", "Writes of the largest commit.", writer.groupMax)
        add("writer_queue", "gauge", "Writes waiting for the writer.", writer.pending)
        add("readers", "gauge", "Reader slots taken, over all processes.", file.readers)
        add("oldest_reader_lag", "gauge", "Commits that the oldest reader lags behind.", file.oldestReaderLag)
        let cache = state.vault.cacheCounts
        add("cache_bytes", "gauge", "Memory in use for people that were asked for.", cache.bytes)
        add("cache_bytes_max", "gauge", "The most memory for them.", cache.bytesMax)
        add("cache_misses_total", "counter", "Entries that were read from the file and not from memory.", cache.missed)
        add("cache_emptied_total", "counter", "Times when all of that memory was forgotten.", cache.emptied)
        add("entries_buffered", "gauge", "New entries of indexes and records, not sorted in yet.", file.entriesBuffered)
        add("log_bytes", "gauge", "Bytes of the write-ahead log that are not written back yet.", state.vault.logBytes)
        add("vault_used_bytes", "gauge", "Bytes of the file in use.", file.pagesUsed * file.pageBytes)
        add("vault_map_bytes", "gauge", "Address space reserved for the file.", file.mapBytes)
        add("vault_bytes_max", "gauge", "The largest size of the file.", Int(clamping: state.vault.bytesMax))
        return text
    }

    private func commandText() -> String {
        var latencies = "# HELP vaultdb_command_seconds How long commands took.\n"
        latencies += "# TYPE vaultdb_command_seconds histogram\n"
        var errors = "# HELP vaultdb_command_errors_total Commands answered with an error.\n"
        errors += "# TYPE vaultdb_command_errors_total counter\n"
        for (index, command) in state.table.commands.enumerated() {
            let summary = state.metrics.summary(of: index)
            guard summary.latency.count > 0 else { continue }
            let label = "command=\"\(command.name)\""
            latencies += Self.histogram("vaultdb_command_seconds", label, summary.latency)
            errors += "vaultdb_command_errors_total{\(label)} \(summary.errors)\n"
        }
        return latencies + errors
    }

    private func httpText() -> String {
        var text = "# HELP vaultdb_http_request_seconds How long requests over HTTP took.\n"
        text += "# TYPE vaultdb_http_request_seconds histogram\n"
        for route in state.httpMetrics.all {
            var latency = LatencyHistogram.Summary()
            latency.add(route.latency)
            guard latency.count > 0 else { continue }
            let label = "method=\"\(route.method.rawValue)\",path=\"\(route.path)\""
            text += Self.histogram("vaultdb_http_request_seconds", label, latency)
        }
        text += "# HELP vaultdb_http_responses_total Responses over HTTP, by the first digit of their status.\n"
        text += "# TYPE vaultdb_http_responses_total counter\n"
        for digit in 1...5 {
            text += "vaultdb_http_responses_total{status=\"\(digit)xx\"} \(state.httpMetrics.count(ofStatus: digit))\n"
        }
        return text
    }

    private static func histogram(_ name: String, _ label: String, _ latency: LatencyHistogram.Summary) -> String {
        var text = ""
        for bound in bounds {
            text += "\(name)_bucket{\(label),le=\"\(bound)\"} \(latency.count(within: bound * 1e9))\n"
        }
        text += "\(name)_bucket{\(label),le=\"+Inf\"} \(latency.count)\n"
        text += "\(name)_sum{\(label)} \(Double(latency.sumNanoseconds) / 1e9)\n"
        return text + "\(name)_count{\(label)} \(latency.count)\n"
    }
}
