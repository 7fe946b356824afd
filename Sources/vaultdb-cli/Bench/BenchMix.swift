/// The work that is measured.
enum BenchMix: String, CaseIterable, Sendable {
    case findEmail = "find-email"
    case findPhone = "find-phone"
    /// Known people, every second phone as people write it.
    case resolveHit = "resolve-hit"
    /// New people only.
    case resolveCreate = "resolve-create"
    /// 95 known people to 5 new ones; the known come as often as people do, a few all the time and most hardly ever.
    case mixed

    /// Of a hundred operations, those that create somebody.
    var createsPercent: Int {
        switch self {
        case .findEmail, .findPhone, .resolveHit: 0
        case .resolveCreate: 100
        case .mixed: 5
        }
    }

    var creates: Bool { createsPercent > 0 }
    var needsPeople: Bool { createsPercent < 100 }
    /// The exponent of Zipf's law for who comes, where none is given; 0 is everybody alike.
    var skew: Double { self == .mixed ? 0.99 : 0 }
}

/// One thing to ask.
enum BenchOperation: Sendable {
    case findEmail(String)
    case findPhone(String)
    case resolve(email: String?, phone: String?, name: String?)
}
