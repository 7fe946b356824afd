import VaultDB

/// A vault in this process: each connection is a thread that calls the library.
struct EmbeddedTarget: BenchTarget {
    let name: String
    let organization: Organization

    func workers(for plan: BenchPlan) -> Int { plan.connections }

    func worker(_ plan: BenchPlan, _ choices: [(connection: Int, choice: BenchChoice)]) throws -> Worker {
        guard let mine = choices.first else { throw Failure(.failed, "a thread without work") }
        return Worker(organization: organization, plan: plan, connection: mine.connection, choice: mine.choice)
    }

    struct Worker: BenchWorker {
        let organization: Organization
        let plan: BenchPlan
        let connection: Int
        var choice: BenchChoice

        mutating func work(_ phase: BenchPhase) throws -> BenchTally {
            var tally = BenchTally()
            var schedule = BenchSchedule(plan, from: phase.start, connection: connection)
            while true {
                let operation = choice.next()
                if let due = schedule.due { BenchPause.wait(until: due, in: phase) }
                let now = Clock.nanoseconds
                guard phase.begins(at: now) else { break }
                let start = schedule.due ?? now
                schedule.begin()
                let answer = answer(operation)
                tally.add(answer, from: start, to: Clock.nanoseconds)
                phase.finish(1)
            }
            if phase.end != .max, !Interruption.isWished { tally.unsent = schedule.unsent(before: phase.end) }
            return tally
        }

        private func answer(_ operation: BenchOperation) -> BenchAnswer {
            do throws(VaultError) {
                switch operation {
                case .findEmail(let email): return try organization.find(email: email) == nil ? .missing : .found
                case .findPhone(let phone): return try organization.find(phone: phone) == nil ? .missing : .found
                case .resolve(let email, let phone, let name):
                    let request = ResolveRequest(email: email, phone: phone, name: name, source: "bench")
                    _ = try organization.resolveBlocking(request)
                    return .found
                }
            } catch {
                return .failed(error.description)
            }
        }
    }
}
