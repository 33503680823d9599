BEGIN TRANSACTION;
CREATE TABLE allowances (
	what VARCHAR(128) NOT NULL, 
	subject VARCHAR(128) NOT NULL, 
	at VARCHAR(20) NOT NULL, 
	PRIMARY KEY (what, subject)
);
CREATE TABLE attempts (
	task_id VARCHAR(128) NOT NULL, 
	attempt INTEGER NOT NULL, 
	home VARCHAR(128) NOT NULL, 
	storage VARCHAR(128) NOT NULL, 
	state VARCHAR(128) NOT NULL, 
	begun_at VARCHAR(20) NOT NULL, 
	removable_at VARCHAR(20), 
	reason TEXT, 
	PRIMARY KEY (task_id, attempt)
);
INSERT INTO "attempts" VALUES('shop-20261123T020000Z',1,'shop','disk','good','2026-11-23T02:00:00Z',NULL,NULL);
CREATE TABLE cancellations (
	subject VARCHAR(128) NOT NULL, 
	at VARCHAR(20) NOT NULL, 
	done BOOLEAN NOT NULL, 
	PRIMARY KEY (subject)
);
CREATE TABLE configuration (
	id INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	accepted_at VARCHAR(20) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "configuration" VALUES(1,'{"$Desired":{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","holds":{},"installation":"acme","limits":{"$Limits":{}},"restores":{},"storages":{"disk":{"$LocalStorage":{"name":"disk","path":"/b"}}},"warehouses":{"shop":{"$Warehouse":{"connection":{"$Folder":{"path":"/shop"}},"engine":"duckdb","name":"shop","storage":"disk"}}}}}','2026-11-23T02:00:00Z');
CREATE TABLE decisions (
	number INTEGER NOT NULL, 
	at VARCHAR(20) NOT NULL, 
	kind VARCHAR(128) NOT NULL, 
	subject VARCHAR(128) NOT NULL, 
	detail TEXT, 
	PRIMARY KEY (number)
);
INSERT INTO "decisions" VALUES(1,'2026-11-23T02:00:00Z','plan taken over','shop','revision 1');
INSERT INTO "decisions" VALUES(2,'2026-11-23T02:00:00Z','backup succeeded','shop-20261123T020000Z',NULL);
CREATE TABLE holds (
	backup_set VARCHAR(128) NOT NULL, 
	seen_at VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	until VARCHAR(20), 
	gone_at VARCHAR(20), 
	PRIMARY KEY (backup_set, seen_at)
);
INSERT INTO "holds" VALUES('s','2026-11-23T02:00:00Z','audit','2026-11-26T02:00:00Z',NULL);
CREATE TABLE meta (
	name VARCHAR(128) NOT NULL, 
	content TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema_version','1');
INSERT INTO "meta" VALUES('ledger_id','a76d2ed3a8ab4030a7f79812d6dccb8c');
INSERT INTO "meta" VALUES('simulated','0');
INSERT INTO "meta" VALUES('fence','3');
INSERT INTO "meta" VALUES('seen_at','2026-11-23T02:00:00Z');
INSERT INTO "meta" VALUES('rebuilt_at','');
CREATE TABLE notes (
	storage VARCHAR(128) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	content TEXT NOT NULL, 
	written BOOLEAN NOT NULL, 
	PRIMARY KEY (storage, "key")
);
CREATE TABLE plans (
	warehouse VARCHAR(128) NOT NULL, 
	revision INTEGER NOT NULL, 
	entry TEXT NOT NULL, 
	taken_over_at VARCHAR(20) NOT NULL, 
	settled_until VARCHAR(20) NOT NULL, 
	git_revision VARCHAR(128), 
	ended_at VARCHAR(20), 
	PRIMARY KEY (warehouse, revision)
);
INSERT INTO "plans" VALUES('shop',1,'{"$Warehouse":{"connection":{"$Folder":{"path":"/shop"}},"engine":"duckdb","name":"shop","storage":"disk"}}','2026-11-23T02:00:00Z','2026-11-23T02:00:00Z','cccccccccccccccccccccccccccccccccccccccc',NULL);
CREATE TABLE restores (
	id VARCHAR(128) NOT NULL, 
	entry TEXT NOT NULL, 
	digest VARCHAR(128) NOT NULL, 
	state VARCHAR(128) NOT NULL, 
	seen_at VARCHAR(20) NOT NULL, 
	backup_set VARCHAR(128), 
	storage VARCHAR(128), 
	source_warehouse VARCHAR(128), 
	claimed_at VARCHAR(20), 
	started_at VARCHAR(20), 
	ended_at VARCHAR(20), 
	reason TEXT, 
	progress INTEGER, 
	size_bytes INTEGER, 
	journal TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE sets (
	id VARCHAR(128) NOT NULL, 
	warehouse VARCHAR(128) NOT NULL, 
	home VARCHAR(128) NOT NULL, 
	engine VARCHAR(128) NOT NULL, 
	storage VARCHAR(128) NOT NULL, 
	slot VARCHAR(20) NOT NULL, 
	completed_at VARCHAR(20) NOT NULL, 
	retention_days INTEGER NOT NULL, 
	keep_last INTEGER NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	state VARCHAR(128) NOT NULL, 
	databases TEXT NOT NULL, 
	tried_at VARCHAR(20), 
	PRIMARY KEY (id)
);
INSERT INTO "sets" VALUES('shop-20261123T020000Z','shop','shop','duckdb','disk','2026-11-23T02:00:00Z','2026-11-23T02:00:00Z',7,1,100,'present','["sales"]',NULL);
CREATE TABLE storages (
	name VARCHAR(128) NOT NULL, 
	location TEXT NOT NULL, 
	looked_at VARCHAR(20) NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE tasks (
	id VARCHAR(128) NOT NULL, 
	warehouse VARCHAR(128) NOT NULL, 
	slot VARCHAR(20) NOT NULL, 
	state VARCHAR(128) NOT NULL, 
	plan_revision INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	created_at VARCHAR(20), 
	started_at VARCHAR(20), 
	ended_at VARCHAR(20), 
	reason TEXT, 
	progress INTEGER, 
	size_bytes INTEGER, 
	objects TEXT NOT NULL, 
	skipped_objects TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (warehouse, slot)
);
INSERT INTO "tasks" VALUES('shop-20261123T020000Z','shop','2026-11-23T02:00:00Z','succeeded',1,1,'2026-11-23T02:00:00Z','2026-11-23T02:00:00Z','2026-11-23T02:00:00Z',NULL,NULL,NULL,'[]','[]');
INSERT INTO "tasks" VALUES('shop-20261124T020000Z','shop','2026-11-24T02:00:00Z','waiting',1,0,'2026-11-23T02:00:00Z',NULL,NULL,NULL,NULL,NULL,'[]','[]');
CREATE INDEX tasks_by_state ON tasks (state);
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX sets_by_state ON sets (state);
COMMIT;
