-- CreateIndex
CREATE INDEX "access_code_user_session_id_idx" ON "access_code"("user_session_id");

-- AddForeignKey
ALTER TABLE "preview_visit" ADD CONSTRAINT "preview_visit_user_session_id_fkey" FOREIGN KEY ("user_session_id") REFERENCES "user_session"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "access_code" ADD CONSTRAINT "access_code_user_session_id_fkey" FOREIGN KEY ("user_session_id") REFERENCES "user_session"("id") ON DELETE CASCADE ON UPDATE NO ACTION;
