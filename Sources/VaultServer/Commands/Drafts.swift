internal import VaultDB

// What comes in as words and is to be written: records, bookings, leads and forms.

extension RecordDraft {
    /// `kind id [IDENTITY identity] [MOVE] [KEEP] [field value ...]`
    init(_ arguments: inout Arguments) throws(ReplyError) {
        self.init(kind: try arguments.kind(), id: try arguments.next())
        while !arguments.isEmpty {
            if try arguments.flag("MOVE") {
                moves = true
            } else if try arguments.flag("KEEP") {
                keepsOthers = true
            } else if let text = try arguments.option("IDENTITY") {
                identity = try Arguments.id(text, "identity")
            } else {
                let (field, value) = try arguments.field(repeatable: "external")
                try set(field, value)
            }
        }
    }

    private mutating func set(_ field: String, _ value: String) throws(ReplyError) {
        switch field {
        case "first_name": firstName = value
        case "last_name": lastName = value
        case "email": email = value
        case "phone": phone = value
        case "external": externals.append(value)
        case "source": source = value
        case "status": status = value
        case "attributes": attributes = value
        case "active": isActive = try Arguments.truth(value, field)
        case "region": region = try Arguments.region(value)
        case "idempotency": idempotencyKey = value
        case "created_at": createdAt = try Arguments.time(value, field)
        default: throw .unknownField(field, of: "a record")
        }
    }
}

extension Booking {
    /// `field value ...`
    init(_ arguments: inout Arguments) throws(ReplyError) {
        self.init(isPaid: false)
        while !arguments.isEmpty {
            let (field, value) = try arguments.field()
            switch field {
            case "first_name": firstName = value
            case "last_name": lastName = value
            case "email": email = value
            case "phone": phone = value
            case "source": source = value
            case "paid": isPaid = try Arguments.truth(value, field)
            case "id": id = value
            case "attributes": attributes = value
            case "idempotency": idempotencyKey = value
            default: throw .unknownField(field, of: "a booking")
            }
        }
    }
}

extension ManualLead {
    /// `field value ...`
    init(_ arguments: inout Arguments) throws(ReplyError) {
        self.init()
        while !arguments.isEmpty {
            let (field, value) = try arguments.field()
            switch field {
            case "first_name": firstName = value
            case "last_name": lastName = value
            case "email": email = value
            case "phone": phone = value
            case "source": source = value
            case "status": status = value
            case "attributes": attributes = value
            case "idempotency": idempotencyKey = value
            default: throw .unknownField(field, of: "a lead entered by hand")
            }
        }
    }
}

extension FormSubmission {
    /// `[SOURCE source] [IDEMPOTENCY key] [FIELDS] name value ...`: after the first word that is none of the three, and
    /// after `FIELDS` in any case, everything is the form's own.
    init(_ arguments: inout Arguments) throws(ReplyError) {
        self.init(fields: [])
        while !arguments.isEmpty {
            if let text = try arguments.option("SOURCE") {
                source = text
            } else if let text = try arguments.option("IDEMPOTENCY") {
                idempotencyKey = text
            } else {
                _ = arguments.skip("FIELDS")
                break
            }
        }
        while !arguments.isEmpty {
            fields.append(FormField(name: try arguments.next(), value: try arguments.next()))
        }
    }
}

extension ReplyError {
    fileprivate static func unknownField(_ field: String, of what: String) -> ReplyError {
        let fault = "\(what) has no such field".naming(field)
        return ReplyError(.invalid, "\(fault); what else there is goes into attributes")
    }
}
