import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb bench`: measures latency and throughput on this machine.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure latency and throughput on this machine.",
        discussion: """
            On a temporary vault of invented people, which is removed at the end; or on the vault that --db names, or \
            the server that --host names, with people who are there. Neither is written to: mixes that create people \
            need --allow-writes then, and resolves of known people are dry runs on a server without it. What is created \
            there has an email that ends in @vaultdb.invalid.

            Connections are threads of this program, or connections to the server. In a closed loop each waits for its \
            answer before it asks again. With --rate operations begin at fixed times, and latency counts from then, so \
            that waiting behind a slow one is not left out.

              vaultdb bench
              vaultdb bench --mix resolve-create --connections 50 --duration 5
              vaultdb bench --mix mixed --rate 50000 --svg latency.svg
              vaultdb bench --db clinic.vault --mix resolve-hit --json
              vaultdb bench --host 127.0.0.1 --connections 50 --pipeline 16
            """)

    private static let portDefault = 7379

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: BenchOptions

    @Option(help: ArgumentHelp("Measure the server there.", valueName: "address"))
    var host: String?

    @Option(help: ArgumentHelp("Its port (7379).", valueName: "n"))
    var port: Int?

    @Option(help: ArgumentHelp("A token for it (or VAULTDB_TOKEN, which others can't see).", valueName: "token"))
    var token: String?

    @Option(
        help: ArgumentHelp("Where the temporary vault is to lie: the disk that is measured.", valueName: "path"),
        completion: .directory)
    var directory: String?

    func validate() throws {
        guard (1...65_535).contains(port ?? Self.portDefault) else {
            throw ValidationError("--port goes from 1 to 65535")
        }
        if host != nil, global.db != nil { throw ValidationError("Give one of --db and --host") }
        if host == nil, port != nil || token != nil || options.threads != nil || options.pipeline > 1 {
            throw ValidationError("--port, --token, --threads and --pipeline are for a server: give --host")
        }
        if options.cache != nil, host != nil {
            throw ValidationError("A server's cache is its own: start it with serve --cache")
        }
        if directory != nil, host != nil || global.db != nil {
            throw ValidationError("--directory is for the temporary vault, without --db and --host")
        }
        if options.mix.creates, !options.allowWrites, host != nil || global.db != nil {
            throw ValidationError("\(options.mix.rawValue) creates people; give --allow-writes to let it")
        }
    }

    func run() throws {
        try global.requireApart(options.svg)
        if let svg = options.svg { try LatencyChart.requireRoom(at: svg) }
        if options.svg == "-" { Output.giveWay() }
        Interruption.listen()
        if let host {
            try measureServer(host)
        } else if global.db != nil {
            try measureVault()
        } else {
            try measureTemporaryVault()
        }
        if Interruption.isWished { throw Failure(.interrupted, "") }
    }

    private func measureServer(_ host: String) throws {
        guard let organization = try global.namedOrganization() else {
            throw Failure(.wrongUsage, "no organization is named", advice: "give --org or set VAULTDB_ORG")
        }
        let address = ServerAddress(
            host: host, port: port ?? Self.portDefault, token: token ?? Environment["VAULTDB_TOKEN"])
        let target = ServerTarget(address: address, organization: organization.text)
        let plan = options.plan(connectionsDefault: 50, allowsWrites: options.allowWrites)
        let sample = try BenchSample(of: target, plan.mix, count: options.people, seed: plan.seed)
        try measure(target, plan, sample.people, NewPeople(from: 0, run: Self.runName))
    }

    private func measureVault() throws {
        // A resolve that would create somebody fails in a vault that is open for reading.
        try global.withOrganization(
            options.mix.creates ? .readWrite : .readOnly, spellingCacheSlots: VaultOptions().spellingCacheSlots,
            cacheBytes: options.cache ?? VaultOptions.cacheBytesDefault
        ) { organization, _ in
            let plan = options.plan(connectionsDefault: 1, allowsWrites: options.mix.creates)
            let sample = try BenchSample(of: organization, plan.mix, count: options.people, seed: plan.seed)
            let target = EmbeddedTarget(name: "vault \(try global.path())", organization: organization)
            try measure(target, plan, sample.people, NewPeople(from: 0, run: Self.runName))
        }
    }

    private func measureTemporaryVault() throws {
        var vaultOptions = global.vaultOptions()
        if let cache = options.cache { vaultOptions.cacheBytes = cache }
        try TemporaryVault.with(in: directory, options: vaultOptions) { vault in
            let plan = options.plan(connectionsDefault: 1, allowsWrites: true)
            try vault.fill(options.people)
            let people = (0..<options.people).map(InventedPeople.person)
            let target = EmbeddedTarget(name: "temporary vault", organization: vault.organization)
            try measure(target, plan, people, NewPeople(from: options.people, run: nil))
        }
    }

    /// Tells a run's people from those of another.
    private static var runName: String { UUID().text.replacing("-", with: "") }

    private func measure(
        _ target: some BenchTarget, _ plan: BenchPlan, _ people: [BenchPerson], _ newcomers: NewPeople
    ) throws {
        var random = BenchRandom(seed: plan.seed)
        let people = people.shuffled(using: &random)
        guard !people.isEmpty || !plan.mix.needsPeople else {
            throw Failure(.failed, "there is nobody to ask for", advice: "import people first, or measure without --db")
        }
        let run = BenchRun(target: target, plan: plan, people: people, newcomers: newcomers)
        let (tally, seconds) = try run.result()
        let report = BenchReport(
            target: target.name, plan: plan, people: people.count, tally: tally, seconds: seconds)
        if global.json { try Output.document(report.json) } else { try report.print() }
        try Output.flush()
        if let svg = options.svg, tally.operations > 0 { try report.chart.write(to: svg) }
        guard let error = tally.firstError else { return }
        throw Failure(.failed, "\(tally.errors.grouped) operations failed, the first with: \(error)")
    }
}
