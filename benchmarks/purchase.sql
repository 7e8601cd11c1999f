-- A wallet purchase as one function: the same checks under the same lock, and the same rows, as the engine writes.
CREATE TABLE bench_customers (number integer PRIMARY KEY, id text NOT NULL);
CREATE TABLE bench_sample (sku text, catalog_version text, lines text, answer bytea);

CREATE OR REPLACE FUNCTION bench_id(prefix text) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT prefix || '_' || left(replace(uuidv7()::text, '-', ''), 26) $$;

CREATE OR REPLACE FUNCTION bench_purchase(wanted integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    price CONSTANT bigint := 15;
    now_ms CONSTANT bigint := (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    day CONSTANT bigint := now_ms - now_ms % 86400000;
    purchase text := bench_id('pur');
    entry text := bench_id('ent');
    request text := gen_random_uuid()::text;
    sample bench_sample;
    customer text;
    caller text;
    wallet text;
    commit_no bigint;
    last_sequence bigint;
    funds bigint;
    lot lots;
    used bigint;
    counter text;
BEGIN
    SELECT * INTO sample FROM bench_sample;
    SELECT id INTO customer FROM bench_customers WHERE number = wanted;
    caller := 'customer:' || customer;
    wallet := caller || ':gems';
    counter := 'limit:' || sample.sku || ':' || customer || ':day:' || day;
    PERFORM pg_advisory_xact_lock(hashtextextended(customer, 0));
    commit_no := pg_current_xact_id()::text::bigint;
    PERFORM 1 FROM idempotency i
        WHERE i.caller = 'customer:' || customer AND i.operation = 'POST /v1/purchases' AND i.key = request;
    IF FOUND THEN RETURN; END IF;
    SELECT a.sequence INTO last_sequence FROM anchors a WHERE a.id = customer;
    SELECT a.balance INTO funds FROM accounts a WHERE a.id = wallet;
    SELECT * INTO lot FROM lots l WHERE l.account = wallet AND l.remaining > 0
        ORDER BY l.priority, l.expires_at NULLS LAST, l.source = 'purchased', l.opened_at LIMIT 1;
    IF funds < price OR lot.remaining - lot.held - lot.frozen < price THEN
        RAISE EXCEPTION 'insufficient_funds';
    END IF;
    SELECT c.value INTO used FROM counters c WHERE c.key = counter;
    IF coalesce(used, 0) + 1 > 1000000 THEN RAISE EXCEPTION 'limit_reached'; END IF;

    UPDATE anchors SET version = version + 1, sequence = sequence + 1 WHERE id = customer;
    UPDATE accounts SET balance = balance - price WHERE id = wallet;
    UPDATE lots SET remaining = remaining - price WHERE id = lot.id;
    INSERT INTO counters VALUES (counter, customer, 1)
        ON CONFLICT (key) DO UPDATE SET value = counters.value + 1;
    INSERT INTO items VALUES (customer, sample.sku, bench_id('itm'), 1, 0, now_ms, NULL)
        ON CONFLICT (customer_id, sku) DO UPDATE SET quantity = items.quantity + 1;
    INSERT INTO entries (id, commit_no, kind, about, anchor, actor, reverses, occurred_at, recorded_at, facts)
        VALUES (entry, commit_no, 'purchase.settled', purchase, customer, caller, NULL, now_ms, now_ms, NULL);
    INSERT INTO transfers VALUES (entry, 0, wallet, 'platform:sink:gems', 'gems', price);
    INSERT INTO draws VALUES (entry, 0, 0, lot.id, price);
    INSERT INTO item_movements VALUES (bench_id('mov'), commit_no, customer, sample.sku, 1, 'granted', purchase,
        json_build_array(json_build_array(lot.id, price))::text);
    INSERT INTO purchases VALUES (purchase, customer, sample.sku, 'item', 1, 'completed', 'none', 'none', 'wallet',
        'none', 'gems', price, sample.catalog_version, sample.lines, '[]', '{}', '{}', entry, NULL, now_ms, now_ms,
        now_ms, NULL);
    INSERT INTO events VALUES (customer, last_sequence + 1, bench_id('evt'), commit_no, 'purchase.completed', purchase,
        now_ms, now_ms, json_build_object('id', purchase, 'customer_id', customer, 'sku', sample.sku, 'quantity', 1,
            'status', 'completed', 'total', json_build_object('amount', price, 'currency', 'gems'))::text);
    INSERT INTO idempotency (caller, operation, key, fingerprint, object_id, state, status, body, created_at)
        VALUES (caller, 'POST /v1/purchases', request, sha256(request::bytea), purchase, 'answered', 201,
            sample.answer, now_ms);
END $$;
